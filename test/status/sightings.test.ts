import { beforeEach, describe, expect, it } from "@jest/globals";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";
import { createSightings, type Sightings } from "../../runtime/status/sightings.ts";

const key = "default/quote";
let sightings: Sightings;
let held: AnyResource | undefined;
let seen: readonly (readonly [string, boolean])[];

function raw(resourceVersion: string, prefix: string, status?: object, more: object = {}): RawObject {
  return {
    apiVersion: "getambassador.io/v3alpha1",
    kind: "Mapping",
    metadata: { name: "quote", namespace: "default", uid: "1", generation: 1, resourceVersion, ...more },
    spec: { hostname: "*", prefix, service: "quote" },
    ...(status === undefined ? {} : { status }),
  };
}

/** As a watch brings it. @returns whether the store has another object now */
function put(object: RawObject): boolean {
  const { resource } = parseResource(object);
  sightings.parsed(resource, object);
  const kept = sightings.kept(resource as AnyResource, held);
  const isNew = kept !== held;
  held = kept;
  return isNew;
}

beforeEach(() => {
  sightings = createSightings();
  held = undefined;
  seen = [];
  sightings.onSeen = (_, of, isContent) => (seen = [...seen, [of, isContent]]);
});

describe("what was seen of an object", () => {
  it("is the very same object when only its status changes", () => {
    expect([put(raw("5", "/a/")), put(raw("9", "/a/", { state: "Running" })), put(raw("12", "/b/"))]).toEqual([
      ...[true, false, true],
    ]);
    expect(seen).toEqual([
      [key, true],
      [key, false],
      [key, true],
    ]);
  });

  it("is another object when a label changes, which is no new generation", () => {
    put(raw("5", "/a/"));
    expect(put(raw("6", "/a/", undefined, { labels: { team: "a" } }))).toBe(true);
    expect(sightings.of("Mapping", key)).toMatchObject({ contentVersion: "6" });
  });

  it("has the version of its content apart from that of its status", () => {
    put(raw("5", "/a/"));
    put(raw("9", "/a/", { state: "Running" }));
    expect(sightings.of("Mapping", key)).toMatchObject({
      ...{ contentVersion: "5", resourceVersion: "9", status: '{"state":"Running"}' },
    });
    expect([sightings.contentVersions().get("Mapping"), sightings.readVersions().get("Mapping")]).toEqual(["5", "9"]);
  });

  it("keeps what we wrote until the watch brings something newer", () => {
    put(raw("5", "/a/"));
    sightings.wrote("Mapping", key, { uid: "1", resourceVersion: "20", status: '{"ours":true}' });
    put(raw("7", "/a/", { theirs: true }));
    expect(sightings.of("Mapping", key)?.status).toBe('{"ours":true}');
    put(raw("21", "/a/", { newer: true }));
    expect(sightings.of("Mapping", key)?.status).toBe('{"newer":true}');
  });

  it("does not write what was for an object that was removed into its successor", () => {
    put(raw("5", "/a/"));
    sightings.wrote("Mapping", key, { uid: "0", resourceVersion: "20", status: "{}" });
    expect(sightings.of("Mapping", key)).toMatchObject({ resourceVersion: "5" });
  });

  it("follows versions back after a restore of etcd", () => {
    put(raw("500", "/a/"));
    put(raw("30", "/a/", { state: "Running" }));
    sightings.listed("Mapping", new Set([key]));
    expect(sightings.of("Mapping", key)).toMatchObject({ contentVersion: "30", resourceVersion: "30" });
    expect([sightings.contentVersions().get("Mapping"), sightings.readVersions().get("Mapping")]).toEqual(["30", "30"]);
  });

  it("is forgotten with the object", () => {
    put(raw("5", "/a/"));
    sightings.listed("Mapping", new Set());
    expect(sightings.of("Mapping", key)).toBeUndefined();
  });
});
