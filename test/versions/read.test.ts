import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { check } from "../../cli/check.ts";
import { translate } from "../../cli/translate.ts";
import { parseDocuments } from "../../crds/documents.ts";
import { parseResource } from "../../crds/parse.ts";

function inFile<T>(text: string, use: (file: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "nuncio-versions-"));
  const file = join(directory, "old.yaml");
  writeFileSync(file, text);
  try {
    return use(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function checked(text: string, output: "text" | "json" = "text"): string[] {
  return inFile(text, (file) => {
    const lines: string[] = [];
    check([file], { output, errorsOnly: false }, {}, (line) => lines.push(line));
    return lines.map((line) => line.replaceAll(file, "old.yaml"));
  });
}

const around = `---
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: { name: web }
spec: { port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: { namespace: { from: ALL } } }
---
apiVersion: getambassador.io/v2
kind: Host
metadata: { name: all }
spec: { hostname: "*", selector: { matchLabels: {} }, requestPolicy: { insecure: { action: Route } } }
`;

describe("manifests of v1 and v2", () => {
  const mapping = `apiVersion: getambassador.io/v1
kind: Mapping
metadata: { name: quote }
spec:
  ambassador_id: default
  prefix: /quote/
  service: 127.0.0.1:9001
  headers: { x-debug: true, x-off: false }
  add_request_headers: { x-a: b }
  cors: { origins: "http://a.example, http://b.example" }
`;

  it("are read like any other, and have no findings when they are right", () => {
    expect(checked(mapping + around)).toEqual(["3 objects checked: no problems"]);
  });

  it("become resources of v3alpha1", () => {
    const [document] = parseDocuments(mapping, "old.yaml").documents;
    const { resource } = parseResource(document?.raw, document?.origin);
    expect(resource).toMatchObject({
      apiVersion: "getambassador.io/v3alpha1",
      spec: {
        ambassador_id: ["default"],
        hostname: "*",
        regex_headers: { "x-debug": ".*" },
        add_request_headers: { "x-a": { value: "b" } },
        cors: { origins: ["http://a.example", "http://b.example"] },
      },
      origin: { file: "old.yaml", line: 1, written: { version: "v1" } },
    });
  });

  it("become what the same in v3alpha1 would", async () => {
    const printed = async (text: string): Promise<string> => {
      let all = "";
      const file = join(mkdtempSync(join(tmpdir(), "nuncio-versions-")), "a.yaml");
      writeFileSync(file, text);
      const output = { out: (part: string) => (all += part), error: (line: string) => (all += `${line}\n`) };
      expect(await translate([file], { output: "yaml", showSecrets: false }, {}, output)).toBe(0);
      rmSync(join(file, ".."), { recursive: true });
      return all;
    };
    const today = mapping
      .replace("v1", "v3alpha1")
      .replace("default\n", "[default]\n  hostname: '*'\n")
      .replace("{ x-debug: true, x-off: false }", "{}\n  regex_headers: { x-debug: '.*' }")
      .replace("{ x-a: b }", "{ x-a: { value: b } }")
      .replace('"http://a.example, http://b.example"', "[http://a.example, http://b.example]");
    expect(await printed(mapping + around)).toBe(await printed(today + around));
    expect(await printed(mapping + around)).toContain("x-debug");
  });

  it("have findings under their own names, at their own lines, with their version", () => {
    const text = `apiVersion: getambassador.io/v2
kind: Mapping
metadata: { name: odd }
spec:
  prefix: /odd/
  service: 127.0.0.1:9001
  host: "(a"
  host_regex: true
  hostname: b
  headers:
    a: true
    b: 3
  timeout: 5
  v3StatsName: [a]
  tls: nope
---
apiVersion: getambassador.io/v2
kind: TracingService
metadata: { name: both }
spec: { driver: zipkin, service: a, tag_headers: [a], v3CustomTags: [] }
---
apiVersion: getambassador.io/v1
kind: Host
metadata: { name: never }
`;
    expect(checked(text).filter((line) => !/NotYetSupported|ServiceNotFound|NoHost|^see /.test(line))).toEqual([
      "old.yaml:9: warning: Mapping default/odd (v2): spec.hostname: is not a field of v2 and has no effect; write host, or make it apiVersion: getambassador.io/v3alpha1 [UnknownField]",
      expect.stringMatching(/^old.yaml:12: error: Mapping default\/odd \(v2\): spec.headers.b: 3 is not a string; /),
      expect.stringMatching(
        /^old.yaml:13: warning: Mapping default\/odd \(v2\): spec.timeout: is not a field of Mapping /,
      ),
      expect.stringMatching(
        /^old.yaml:14: error: Mapping default\/odd \(v2\): spec.v3StatsName: a list is not a string; /,
      ),
      "old.yaml:20: warning: TracingService default/both (v2): spec.tag_headers: tag_headers and v3CustomTags are both set; tag_headers is ignored; write its headers as v3CustomTags with request_header [IgnoredField]",
      "old.yaml:22: error: Host default/never: apiVersion: there is no Host in getambassador.io/v1; write it as getambassador.io/v3alpha1 [InvalidObject]",
      expect.stringMatching(/^2 objects checked: /),
    ]);
  });

  it("have findings of the whole configuration under their own names too", () => {
    const text = `${around}---
apiVersion: getambassador.io/v2
kind: Mapping
metadata: { name: bad }
spec: { prefix: /bad/, service: 127.0.0.1:1, host: "a.*.b" }
`;
    const { problems } = JSON.parse(
      checked(text.replace('host: "a', 'host_regex: true, host: "(a'), "json").join("\n"),
    ) as {
      problems: object[];
    };
    expect(problems).toEqual([
      expect.objectContaining({
        code: "InvalidRegex",
        object: { kind: "Mapping", namespace: "default", name: "bad", version: "v2" },
        path: "spec.host",
        line: 15,
      }),
    ]);
  });
});
