import { describe, expect, it } from "@jest/globals";
import { type AdmissionFlags, readAdmissionSettings } from "../../runtime/admission/settings.ts";

const read = (flags: AdmissionFlags, env: Readonly<Record<string, string>> = {}) => {
  const { settings, problems } = readAdmissionSettings(flags, env, "gateways\n");
  return { certificates: settings.certificates, mutate: settings.mutate, problems: problems.map(({ name }) => name) };
};

describe("settings of nuncio admission", () => {
  it("are files unless the process is to make its own certificates", () => {
    expect(read({ cert: "a", key: "b" })).toEqual({
      certificates: { kind: "files", keyPair: { cert: "a", key: "b" } },
      mutate: false,
      problems: [],
    });
    expect(read({}).problems).toEqual(["--cert", "--key"]);
  });

  it("name the Service and Secret in the process's own namespace", () => {
    expect(read({ certificates: "own" })).toMatchObject({
      certificates: {
        kind: "own",
        name: "nuncio-admission",
        secretName: "nuncio-admission-ca",
        address: { kind: "service", name: "nuncio-admission", namespace: "gateways", port: 443 },
        crds: [],
      },
      problems: [],
    });
    const named = {
      NUNCIO_ADMISSION_CERTIFICATES: "own",
      NUNCIO_ADMISSION_NAME: "edge",
      AMBASSADOR_NAMESPACE: "other",
    };
    expect(read({}, named)).toMatchObject({
      certificates: { name: "edge", secretName: "edge-ca", address: { name: "edge", namespace: "other" } },
    });
  });

  it("convert and mutate only when that is asked for", () => {
    expect(read({ certificates: "own", convert: true, mutate: true })).toMatchObject({
      certificates: { crds: expect.arrayContaining(["mappings.getambassador.io", "logservices.getambassador.io"]) },
      mutate: true,
    });
    const asked = { NUNCIO_ADMISSION_CONVERT: "true", NUNCIO_ADMISSION_MUTATE: "true" };
    expect(read({ certificates: "own" }, asked)).toMatchObject({ mutate: true, problems: [] });
    expect(read({ certificates: "own" }, { NUNCIO_ADMISSION_MUTATE: "yes" }).problems).toEqual([
      "NUNCIO_ADMISSION_MUTATE",
    ]);
  });

  it("take a URL in place of the Service", () => {
    expect(read({ certificates: "own", url: "https://10.0.0.1:9443/" })).toMatchObject({
      certificates: { address: { kind: "url", url: "https://10.0.0.1:9443" } },
      problems: [],
    });
  });

  it("are refused where they cannot be meant", () => {
    expect(read({ certificates: "mine", cert: "a", key: "b" }).problems).toEqual(["--certificates"]);
    expect(read({ cert: "a", key: "b", convert: true }).problems).toEqual(["--convert"]);
    for (const url of ["http://a", "https://a/path", "a:443"]) {
      expect(read({ certificates: "own", url }).problems).toEqual(["--url"]);
    }
  });
});
