import { describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { parseDocuments } from "../../crds/documents.ts";
import { parseResource } from "../../crds/parse.ts";
import { sortResources } from "../../crds/resources.ts";
import { formatProblem } from "../../ir/problem.ts";
import { stringify } from "yaml";

/** What is said of Mappings with these specs, one each; what only Envoy can judge as if it had refused it. */
function said(...specs: readonly object[]): readonly string[] {
  const text = specs
    .map((spec, index) =>
      stringify({
        apiVersion: "getambassador.io/v3alpha1",
        kind: "Mapping",
        metadata: { name: `m${index}` },
        spec: { hostname: "*", prefix: `/${index}/`, service: "web", ...spec },
      }),
    )
    .join("---\n");
  const resources = parseDocuments(text, "x.yaml").documents.flatMap(({ raw }) => parseResource(raw).resource ?? []);
  const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "0.0.0.0", inCluster: false };
  const { problems, freeUses } = compile(sortResources(resources).value, settings);
  return [...problems, ...freeUses.flatMap((use) => (use.kind === "field" ? [use.problem] : []))].map(formatProblem);
}

const wrong = ["hunter 100% x", "hunter\nx", "hunter %REQ(a:b?c:d)%", "%HUNTER(hunter)% hunter"];
const specsWith = (name: string): readonly object[] => [
  ...wrong.flatMap((value) => [
    { add_request_headers: { [name]: { value } } },
    { add_response_headers: { [name]: { value } } },
  ]),
  { add_request_headers: { [name]: 12_345_678 } },
  { headers: { [name]: 12_345_678 } },
  { regex_headers: { [name]: "hunter(" } },
  { regex_query_parameters: { [name]: "hunter(" } },
  { query_parameters: { [name]: 12_345_678 } },
];
const quotes = /hunter|12345678/i;

describe("messages", () => {
  it.each(["authorization", "X-Api-Key", "cookie", "x-session-token"])(
    "never quote the value of %s, and say what is wrong with it all the same",
    (name) => {
      const specs = specsWith(name);
      const texts = said(...specs);
      expect(texts.filter((text) => quotes.test(text))).toEqual([]);
      expect(texts.length).toBeGreaterThanOrEqual(specs.length);
      expect(texts.filter((text) => !text.toLowerCase().includes(name.toLowerCase()))).toEqual([]);
    },
  );

  it("quote that of other headers: the control", () => {
    const specs = specsWith("x-plain");
    expect(said(...specs).filter((text) => quotes.test(text)).length).toBeGreaterThanOrEqual(specs.length - 2);
  });

  it.each(["http://me:hunter@web/path", "ftp://me:hunter@web", "https://me:hunter@web"])(
    "never quote the password in the service %s",
    (service) => {
      const [text = "", ...more] = said({ service });
      expect(more).toEqual([]);
      expect(text).toContain("[redacted]@web");
      expect(text).not.toContain("hunter");
    },
  );
});
