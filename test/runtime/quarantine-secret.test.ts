import { describe, expect, it } from "@jest/globals";
import { type QuarantineRecord, recordOf } from "../../compile/record.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";
import { measured, readSecret, secretName, secretOf } from "../../runtime/quarantine/secret.ts";
import { ambassador } from "../compile/random-objects.ts";

const noise = (bytes: number): string =>
  Array.from({ length: bytes / 8 }, (_, index) =>
    (((index + 1) * 2654435761) % 2 ** 32).toString(16).padStart(8, "0"),
  ).join("");

function recordWith(script: string): QuarantineRecord {
  const module = (text: string) => ambassador("Module", "ambassador", { config: { lua_scripts: text } });
  return recordOf({ object: module("bad"), serving: module(script), refusals: [] }) as QuarantineRecord;
}

/** As the API server gives it back. */
function stored(id: string, record: QuarantineRecord): RawObject & { readonly data: Readonly<Record<string, string>> } {
  const secret = secretOf(id, "nuncio", { ...measured(record), reason: "why" }, new Date(0));
  const written = JSON.parse(JSON.stringify(secret)) as RawObject & { data: Record<string, string | null> };
  const data = Object.fromEntries(Object.entries(written.data).filter(([, value]) => value !== null));
  return { ...written, data: data as Record<string, string> };
}

describe("the Secret with the last good form of an object", () => {
  it("is read as it was written, and says to people what it is about", () => {
    const record = recordWith("-- good");
    const secret = stored("default", record);
    const read = readSecret("default", secret);
    expect(read).toMatchObject({ isOurs: true, digest: measured(record).digest, remembered: { record } });
    expect(secret.metadata["annotations"]).toMatchObject({
      "nuncio.dev/object": "Module default/ambassador",
      "nuncio.dev/reason": "why",
      "nuncio.dev/since": "1970-01-01T00:00:00.000Z",
    });
    expect(Object.keys(secret.data)).toEqual(["record.json"]);
  });

  it("is packed when it is large, and not written when that is not enough", () => {
    const record = recordWith(`--[[${"x".repeat(2_000_000)}]]`);
    const secret = stored("default", record);
    expect(Object.keys(secret.data)).toEqual(["record.json.gz"]);
    expect(secret.data["record.json.gz"]?.length).toBeLessThan(100_000);
    expect(readSecret("default", secret).remembered).toMatchObject({ record });
    const huge = recordWith(`--[[${noise(8_000_000)}]]`);
    expect(secretOf("default", "nuncio", { ...measured(huge), reason: "" }, new Date(0))).toBeUndefined();
  });

  it("is one gateway's alone", () => {
    const record = recordWith("-- good");
    expect(readSecret("other", stored("default", record))).toMatchObject({ isOurs: false, remembered: undefined });
    expect(secretName("other", record)).not.toBe(secretName("default", record));
  });

  it("is not read when somebody has spoilt it, or given it the name of another", () => {
    const secret = stored("default", recordWith("-- good"));
    const unread = { isOurs: true, remembered: undefined };
    for (const data of [{}, { "record.json": "???" }, { "record.json": btoa("{}") }, { "record.json.gz": btoa("x") }])
      expect(readSecret("default", { ...secret, data })).toMatchObject(unread);
    const renamed = { ...secret, metadata: { ...secret.metadata, name: "nuncio-last-good-other" } };
    expect(readSecret("default", renamed)).toMatchObject(unread);
  });
});
