import { describe, expect, it } from "@jest/globals";
import type { Explanation } from "../../insight/explain.ts";
import type { Rival } from "../../insight/explain/types.ts";
import { formatObject } from "../../ir/problem.ts";
import { mapping } from "../support/gateway.ts";
import { mappingWith } from "../support/manifests.ts";
import { explained, placeText, service } from "./explained.ts";

function rivalText(rival: Rival): string {
  if (rival.kind === "later") return `${rival.name} later: ${rival.by}`;
  const { lack } = rival;
  return `${rival.name} ${lack.wants} | ${lack.has ?? "-"} | ${placeText(lack.from)}`;
}

describe("of the routes that are not taken", () => {
  const rivals = (explanation: Explanation) => explanation.rivals.map(rivalText);
  const headers = [
    ["x-beta", "1"],
    ["x-betb", "1"],
    ["x-bet", "12345"],
  ] as const;

  it.each([
    ["precedence", { precedence: 1 }, {}],
    ["length of the prefix", { prefix: "/orders/" }, {}],
    ["length of the header conditions", { headers: { "x-beta": "1" } }, {}],
    ["length of the query conditions", { query_parameters: { q: "1" } }, {}],
    ["text of the prefix", { prefix: "/orders/" }, { prefix: "/orders.", prefix_regex: true }],
    ["method", { method: "PUT" }, { headers: { "x-bet": "12345" } }],
    ["text of the conditions", { headers: { "x-betb": "1" } }, { headers: { "x-beta": "1" } }],
    // All else is alike.
    ["name", {}, { case_sensitive: false }],
  ])("a later one tells what decided: %s", (by, first, second) => {
    const both = [mapping("a", { prefix: "/", service, ...first }), mapping("b", { prefix: "/", service, ...second })];
    const explanation = explained("http://x.com/orders/?q=1", both, { method: "PUT", headers });
    expect(rivals(explanation)).toEqual([`default/b later: ${by}`]);
  });

  it("an earlier one tells the first condition that fails, what the request has, and the field", () => {
    expect(
      rivals(
        explained(
          "http://x.com/a/b/c",
          [
            mapping("beta", { prefix: "/a/b/", service, headers: { "X-Beta": "1" }, method: "PUT" }),
            mapping("put", { prefix: "/a/b/", service, method: "PUT", precedence: 3 }),
            mapping("query", { prefix: "/a/b/", service, regex_query_parameters: { q: "[0-9]+" } }),
            mapping("host", { prefix: "/a/b/", service, hostname: "*.example.com" }),
            mapping("taken", { prefix: "/a/b/", service }),
          ],
          { headers: [["x-beta", "2"]] },
        ),
      ),
    ).toEqual([
      "default/put method PUT | GET | Mapping default/put spec.method",
      'default/beta header X-Beta: 1 | 2 | Mapping default/beta spec.headers["X-Beta"]',
      "default/host host by the regex (?i).+\\.example\\.com(:[0-9]+)? | x.com | Mapping default/host spec.hostname",
      "default/query query q by the regex [0-9]+ | - | Mapping default/query spec.regex_query_parameters.q",
    ]);
  });

  it("those for other paths are told where no route is taken at all, the closest first where there are many", () => {
    const explanation = explained("http://x.com/nothing", [
      ...["a", "b", "c", "d", "e", "nothing"].map((name) => mapping(name, { prefix: `/${name}/`, service })),
      mapping("z", { prefix: "/", service, method: "POST" }),
    ]);
    expect(explanation.answer).toEqual({ kind: "refused", status: 404, because: "no Mapping of the Host matches" });
    expect(explanation.moreRivals).toBe(2);
    expect(rivals(explanation)[0]).toBe("default/z method POST | GET | Mapping default/z spec.method");
    expect(rivals(explanation)[1]).toBe(
      "default/nothing prefix /nothing/ | /nothing | Mapping default/nothing spec.prefix",
    );
  });

  it("weights tell how requests are shared, by the number that is drawn", () => {
    const canary = [
      mapping("next", { prefix: "/c/", service, weight: 20 }),
      mapping("stable", { prefix: "/c/", service: "http://127.0.0.1:9002" }),
    ];
    const shares = [
      { route: "default/next", percent: 20 },
      { route: "default/stable", percent: 80 },
    ];
    const low = explained("http://x.com/c/", canary, { random: 19 });
    expect([low.route?.name, low.shares, low.rivals.map(rivalText)]).toEqual([
      "default/next",
      shares,
      ["default/stable later: weight"],
    ]);
    const high = explained("http://x.com/c/", canary, { random: 20 });
    expect([high.route?.name, high.shares, high.rivals.map(rivalText)]).toEqual([
      "default/stable",
      shares,
      ["default/next one of the first 20 of 100 requests | number 20 | Mapping default/next spec.weight"],
    ]);
  });

  it("what weights leave over goes to the next route that matches", () => {
    const explanation = explained("http://x.com/c/", [
      mapping("some", { prefix: "/c/", service, weight: 20 }),
      mapping("more", { prefix: "/c/", service: "http://127.0.0.1:9002", weight: 30 }),
      mapping("rest", { prefix: "/", service, weight: 100 }),
    ]);
    expect(explanation.shares).toEqual([
      { route: "default/more", percent: 30 },
      { route: "default/some", percent: 20 },
      { route: "default/rest", percent: 50 },
    ]);
  });

  it("a Mapping that would take the request and is not used is told with its problem", () => {
    const { unused } = explained("http://x.com/bad/", [
      mapping("bad", { prefix: "/bad/", service: "http://127.0.0.1:nine" }),
      mapping("other", { prefix: "/other/", service: "http://127.0.0.1:nine" }),
      mappingWith({ name: "lonely" }, { prefix: "/bad/", service }),
    ]);
    expect(unused.map(({ object }) => formatObject(object))).toEqual(["Mapping default/bad", "Mapping default/lonely"]);
    expect(unused[0]?.because[0]).toContain("spec.service");
  });
});
