import { describe, expect, it } from "@jest/globals";
import { startHost } from "../../runtime/admission/host.ts";
import { memoryLog } from "../runtime/memory-log.ts";
import { selfSigned } from "../support/certificates.ts";
import { post } from "./process.ts";

const { certificatePem: cert, keyPem: key } = await selfSigned({ hosts: ["127.0.0.1"] });

interface Response {
  readonly uid: string;
  readonly convertedObjects: readonly {
    readonly apiVersion: string;
    readonly metadata: object;
    readonly spec: object;
  }[];
  readonly result: { readonly status: string; readonly message?: string };
}

const mapping = (name: string, spec: object, version = "v2") => ({
  apiVersion: `getambassador.io/${version}`,
  kind: "Mapping",
  metadata: { name, namespace: "shop", uid: `uid-${name}` },
  spec,
});

const review = (desiredAPIVersion: string, objects: readonly unknown[]): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "ConversionReview",
  request: { uid: "u-1", desiredAPIVersion, objects },
});

async function asked(body: unknown): Promise<{ status: number; body: string; log: string; converted: unknown[] }> {
  const log = memoryLog();
  const converted: unknown[] = [];
  const host = await startHost({
    port: 0,
    pair: { cert, key },
    validate: () => Promise.resolve({ allowed: true }),
    onConverted: (...args) => converted.push(args),
    log,
  });
  try {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await post(`https://127.0.0.1:${host.port}`, text, { path: "/webhooks/crd-convert" });
    return { status: answer.status, body: answer.body, log: JSON.stringify(log), converted };
  } finally {
    await host.close();
  }
}

const responseOf = (body: string): Response => (JSON.parse(body) as { response: Response }).response;

describe("POST /webhooks/crd-convert", () => {
  it("answers with the objects in the version that is wanted, in their order, with their metadata", async () => {
    const objects = [
      mapping("a", { prefix: "/", host: "x" }),
      mapping("b", { hostname: "y" }, "v3alpha1"),
      mapping("c", {}, "v1"),
    ];
    const { status, body, converted } = await asked(review("getambassador.io/v3alpha1", objects));
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ apiVersion: "apiextensions.k8s.io/v1", kind: "ConversionReview" });
    const { uid, convertedObjects, result } = responseOf(body);
    expect({ uid, result }).toEqual({ uid: "u-1", result: { status: "Success" } });
    expect(convertedObjects.map(({ apiVersion, spec }) => [apiVersion, spec])).toEqual([
      ["getambassador.io/v3alpha1", { prefix: "/", hostname: "x" }],
      ["getambassador.io/v3alpha1", { hostname: "y" }],
      ["getambassador.io/v3alpha1", { hostname: "*" }],
    ]);
    expect(convertedObjects[0]?.metadata).toMatchObject({ name: "a", namespace: "shop", uid: "uid-a" });
    expect(converted).toEqual([[3, undefined]]);
  });

  it("converts an empty list, and ten thousand objects", async () => {
    expect(responseOf((await asked(review("getambassador.io/v2", []))).body)).toMatchObject({ convertedObjects: [] });
    const many = Array.from({ length: 10_000 }, (_, index) => mapping(`m-${index}`, { prefix: "x".repeat(900) }));
    const { convertedObjects } = responseOf((await asked(review("getambassador.io/v3alpha1", many))).body);
    expect(convertedObjects).toHaveLength(10_000);
    expect(convertedObjects[9999]?.metadata).toMatchObject({ name: "m-9999" });
  });

  it.each([
    [
      { ...mapping("a", {}), kind: "Filter" },
      'Filter shop/a cannot be converted to getambassador.io/v3alpha1: "Filter" is not a kind of getambassador.io',
    ],
    [
      { ...mapping("a", {}), apiVersion: "v1" },
      'Mapping shop/a cannot be converted to getambassador.io/v3alpha1: "v1" is not a version of getambassador.io',
    ],
    [3, "an object (no name) cannot be converted to getambassador.io/v3alpha1: it is not an object"],
  ])("fails as a whole for an object that cannot be converted: %j", async (wrong, message) => {
    const { status, body, converted } = await asked(review("getambassador.io/v3alpha1", [mapping("fine", {}), wrong]));
    expect(status).toBe(200);
    expect(responseOf(body)).toEqual({ uid: "u-1", convertedObjects: [], result: { status: "Failed", message } });
    expect(converted).toEqual([[0, message]]);
  });

  it.each([
    ["", "the body is not JSON"],
    [[], "the body is not a ConversionReview of apiextensions.k8s.io/v1"],
    [{ ...review("a", []), apiVersion: "apiextensions.k8s.io/v1beta1" }, "the body is not a ConversionReview"],
    [{ ...review("a", []), request: undefined }, "request is missing"],
    [{ ...review("a", []), request: { uid: "u", desiredAPIVersion: "a" } }, "request.objects is not a list"],
    [{ ...review("a", []), request: { uid: "u", objects: [] } }, "request.desiredAPIVersion is missing"],
    [{ ...review("a", []), request: { objects: [] } }, "request.uid is missing"],
  ])("says what is wrong with a body that is no review: %j", async (body, message) => {
    const answer = await asked(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(message);
  });
});
