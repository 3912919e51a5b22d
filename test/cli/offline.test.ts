import fs from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { newBundle, writeBundle } from "../../cli/bundle/bundle.ts";
import { redactRecords } from "../../cli/bundle/kept.ts";
import { redactObject } from "../../cli/bundle/redact.ts";
import { textRedactor } from "../../cli/bundle/texts.ts";
import { table } from "../../cli/output/table.ts";
import { bundleState } from "../../cli/state/bundle.ts";
import { compileState } from "../../cli/state/compiled.ts";
import { fileSettings } from "../../cli/state/files.ts";
import { proxies } from "../../cli/status/proxies.ts";
import { status } from "../../cli/status/status.ts";
import { translate } from "../../cli/translate.ts";
import { recordOf } from "../../compile/record.ts";
import { contentOf } from "../../compile/refusal.ts";
import { parseDocuments } from "../../crds/documents.ts";
import type { Fields } from "../../crds/metadata.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { formatProblem } from "../../ir/problem.ts";
import { directoryWith, listener, mapping } from "./nuncio.ts";

const host = `apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: any }
spec: { hostname: "*", requestPolicy: { insecure: { action: Route } } }
`;
const at = "service: http://127.0.0.1:9001";
const directory = directoryWith({
  "good/all.yaml": [listener, host, mapping("good", "prefix: /good/", at)].join("---\n"),
  "bad/all.yaml": [
    listener,
    host,
    mapping("bad", 'prefix: "/("', "prefix_regex: true", at),
    mapping("lost", "prefix: /lost/", at, "resolver: nobody"),
    mapping("other", "prefix: /other/", at, "ambassador_id: [another]"),
    mapping("warned", "prefix: /warned/", at, "timeout: 1"),
  ].join("---\n"),
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

async function said(run: (to: { out(text: string): void; error(text: string): void }) => Promise<number>) {
  let [stdout, stderr] = ["", ""];
  const code = await run({ out: (text) => void (stdout += text), error: (text) => void (stderr += text) });
  return { code, stdout, stderr };
}
const statusOf = (object: string | undefined, flags: object) =>
  said((to) => status(object, { output: "table", ...flags }, {}, to));
const proxiesOf = (flags: object) => said((to) => proxies({ output: "table", ...flags }, {}, to));

/** What a bundle of these objects holds. */
function bundled(objects: readonly Fields[], more: object = {}) {
  return newBundle({
    madeAt: "2026-01-02T03:04:05.000Z",
    versions: {},
    from: "cluster test",
    settings: fileSettings({}),
    gateway: [],
    problems: [],
    sourceProblems: [],
    objects,
    ...more,
  });
}

function saved(name: string, ...content: Parameters<typeof bundled>): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, writeBundle(bundled(...content), true));
  return file;
}

const raws = (text: string): readonly Fields[] =>
  parseDocuments(text, "x.yaml").documents.map(({ raw }) => raw as Fields);

describe("nuncio status of a directory", () => {
  it("says of each object what the compile says, and of none that it is served", async () => {
    const { code, stdout, stderr } = await statusOf(undefined, { from: path.join(directory, "bad") });
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 4))).toEqual([
      ["OBJECT", "ACCEPTED", "RESOLVED", "PROGRAMMED"],
      ["listener/http", "True", "True", "Unknown"],
      ["host/any", "True", "True", "Unknown"],
      ["mapping/bad", "False", "True", "Unknown"],
      ["mapping/lost", "True", "False", "Unknown"],
      ["mapping/other", "Unknown", "Unknown", "Unknown"],
      ["mapping/warned", "True", "True", "Unknown"],
      [""],
    ]);
    expect(stdout).toMatch(/^mapping\/bad .*InvalidRegex: spec\.prefix: /m);
    expect(stdout).toMatch(/^mapping\/other .*it is for another gateway/m);
    expect(stdout).toMatch(/^mapping\/warned .*timeout: is not a field of Mapping/m);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  });

  it("ends with 0 where nothing speaks against the objects, and shows one with what it is not known of", async () => {
    const from = path.join(directory, "good");
    expect((await statusOf(undefined, { from })).code).toBe(0);
    const one = await statusOf("mapping/good", { from });
    expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining("Programmed: Unknown NotServed") });
    const tree = await statusOf(undefined, { from, tree: true });
    expect(tree.stdout).toBe("Host default/any * ok\n  Mapping default/good /good/ ok\n");
    const [first] = JSON.parse((await statusOf("mappings", { from, output: "json" })).stdout);
    expect(first).toMatchObject({
      name: "good",
      conditions: { Programmed: { status: "Unknown", reason: "NotServed" } },
    });
    await expect(statusOf("mapping/none", { from })).rejects.toMatchObject({ exitCode: 2 });
    await expect(statusOf(undefined, { from, context: "x" })).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe("nuncio proxies", () => {
  it("says of a directory, and of a bundle of one, that nobody tells who serves it, and what to use", async () => {
    const from = path.join(directory, "good");
    const message = expect.stringMatching(
      /nobody tells of who serves one; ask a gateway .* --gateway .* nuncio translate/,
    );
    await expect(proxiesOf({ from })).rejects.toMatchObject({ exitCode: 2, message });
    await expect(proxiesOf({ from: saved("files.gz", []) })).rejects.toMatchObject({ exitCode: 2 });
    await expect(proxiesOf({ from, gateway: "http://127.0.0.1:1" })).rejects.toMatchObject({ exitCode: 2 });
    await expect(proxiesOf({ gateway: "10.0.0.1" })).rejects.toMatchObject({ exitCode: 2 });
  });

  it("shows of a bundle the replicas as they were when it was made, and the gateway that was asked", async () => {
    const type = { resources: 3, digest: "0000beef", acknowledgedAt: "2026-01-02T03:03:05.000Z", lagMs: 4 };
    const report = { ready: true, versions: {}, refused: [], types: { route: type } };
    const replica = { namespace: "nuncio", name: "pod-a", stale: false, report };
    const gateway = [{ path: "/proxies", status: 200, text: JSON.stringify(report) }];
    const from = saved("replicas.gz", [], { cluster: { replicas: [replica], kept: [] }, gateway });
    const { code, stdout, stderr } = await proxiesOf({ from });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["PROXY", "READY", "TYPE", "STATE", "RESOURCES", "CONTENT", "ACKNOWLEDGED", "LAG"],
      ["pod-a", "yes", "route", "synced", "3", "0000beef", "60s ago", "4 ms"],
      ["(--gateway)", "yes", "route", "synced", "3", "0000beef", "60s ago", "4 ms"],
      [""],
    ]);
    const away = [{ path: "/proxies", status: undefined, text: "connect ECONNREFUSED" }];
    const unread = saved("unread.gz", [], { cluster: { replicas: undefined, kept: [] } });
    expect(await proxiesOf({ from: unread })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("could not read their Leases"),
    });
    const silent = await proxiesOf({ from: saved("silent.gz", [], { gateway: away }) });
    expect(silent).toMatchObject({ code: 1, stderr: expect.stringContaining("connect ECONNREFUSED") });
  });
});

describe("nuncio translate", () => {
  it("takes a bundle like a directory, and no private keys of one", async () => {
    const from = path.join(directory, "good");
    const text = raws(fs.readFileSync(path.join(from, "all.yaml"), "utf8"));
    const bundle = saved("translated.gz", text);
    const run = (flags: object, paths: readonly string[] = []) =>
      said((to) => translate(paths, { output: "yaml", ...flags }, {}, to));
    const [ofBundle, ofDirectory, ofPath] = await Promise.all([run({ from: bundle }), run({ from }), run({}, [from])]);
    expect(ofBundle).toEqual(ofPath);
    expect(ofDirectory).toEqual(ofPath);
    expect(ofPath).toMatchObject({ code: 0, stdout: expect.stringContaining("prefix: /good/") });
    await expect(run({ from: bundle, showSecrets: true })).rejects.toMatchObject({ exitCode: 2 });
    await expect(run({ from }, [from])).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe("a last good form in a bundle", () => {
  const settings = fileSettings({});
  const spec = (prefix: string, value: string) => [
    `prefix: ${prefix}`,
    at,
    `add_request_headers: { authorization: { value: "${value}" } }`,
  ];
  const parsed = (raw: Fields) => parseResource(raw).resource as AnyResource;
  const texts = (text: string) => {
    const [raw = {}] = raws(text);
    return { raw, resource: parsed(raw) };
  };

  it("serves in the place of an object whose content was refused, though neither holds its secrets any more", async () => {
    const asked = texts(mapping("m", ...spec("/new/", "Basic hunter-new")));
    const good = texts(mapping("m", ...spec("/old/", "Basic hunter-old")));
    const said = { code: "EnvoyRejected", path: ["spec"], message: "no: Basic hunter-new", advice: "x" } as const;
    const refusals = [{ ...said, object: asked.resource, content: contentOf(asked.resource) }];
    const record = recordOf({ object: asked.resource, serving: good.resource, refusals });
    if (record === undefined) throw new Error("there is nothing to record");
    const before = [...raws(listener), ...raws(host), asked.raw];
    const hidden = new Set<string>();
    const redacted = (raw: Fields) => redactObject(raw, (text) => hidden.add(text));
    const after = before.map(redacted);
    const lastGood = [redacted(record.lastGood ?? {})];
    const kept = redactRecords([record], { before, after, lastGood, settings, texts: textRedactor(hidden) });
    const bundle = bundled(after, { cluster: { replicas: [], kept } });
    expect(JSON.stringify(bundle)).not.toContain("hunter");
    const { compiled, problems, quarantined } = compileState(await bundleState(bundle, "x"));
    expect(compiled.ir.clusters.size).toBe(1);
    expect(JSON.stringify([...compiled.ir.tables.values()])).toContain("/old/");
    expect(JSON.stringify([...compiled.ir.tables.values()])).not.toContain("/new/");
    expect(quarantined.map(({ object }) => object.name)).toEqual(["m"]);
    expect(problems.map(formatProblem)).toEqual([expect.stringContaining("no: [redacted]")]);

    // The control: with the hash as it was, nothing is known to be refused.
    const stale = bundled(after, { cluster: { replicas: [], kept: [{ ...kept[0], refused: record.refused }] } });
    const served = compileState(await bundleState(stale, "x")).compiled;
    expect(JSON.stringify([...served.ir.tables.values()])).toContain("/new/");
  });
});

describe("texts that gateways have said", () => {
  it("lose what was hidden in objects, in whatever way it is quoted, and passwords in URLs, and keep their keys", () => {
    const redact = textRedactor(['pass"word', "true", "pass"]);
    const report = { true: true, message: 'bad pass"word and "pass\\"word", http://me:him@host/', list: ["true"] };
    expect(redact(report)).toEqual({
      true: true,
      message: 'bad [redacted] and "[redacted]", http://[redacted]@host/',
      list: ["[redacted]"],
    });
  });
});

describe("a table", () => {
  it("has its last column cut to a narrow terminal, and nowhere else", () => {
    const rows = [["mapping/quote", "a long story about what is wrong with it"]];
    expect(table(["OBJECT", "WHY"], rows, 40).split("\n")[1]).toBe("mapping/quote   a long story about wh...");
    expect(table(["OBJECT", "WHY"], rows).split("\n")[1]).toBe(`mapping/quote   ${rows[0]?.[1]}`);
  });
});
