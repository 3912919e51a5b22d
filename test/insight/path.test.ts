import { describe, expect, it } from "@jest/globals";
import { normalizePath, queryParametersOf } from "../../insight/match/path.ts";

/** Answers of Envoy 1.40 to these very paths. */
describe("the path that routes see", () => {
  it.each([
    ["/a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/a/..", "/"],
    ["/a/.", "/a/"],
    ["/../a", "/a"],
    ["/a/%2e%2E/b", "/b"],
    ["//a//../b", "//a/b"],
    ["/a/b/..//c", "/a//c"],
    ["/a/.../b", "/a/.../b"],
    ["/a\\..\\b", "/b"],
    ["/a%5c..%5cb", "/a%5c..%5cb"],
    ["/a/%2f../b", "/a/%2f../b"],
    ["/%41%7e%2d%20%3a", "/A~-%20%3a"],
    ['/"<>^`{|}', "/%22%3C%3E%5E%60%7B%7C%7D"],
    ["/%zz%", "/%zz%"],
    ['/a?x=/../%41\\"', '/a?x=/../%41\\"'],
    ["/a/..?q", "/?q"],
  ])("of %s is %s", (path, seen) => {
    expect(normalizePath(path, {})).toEqual({ kind: "path", path: seen });
  });

  it.each([
    ["*", "not a path"],
    ["/a#b", "a fragment"],
    ["/a?b#c", "a fragment"],
    ["/é", "not ASCII"],
    ["/a%00", "an escaped NUL"],
  ])("of %s is none: %s", (path, because) => {
    expect(normalizePath(path, {})).toEqual({ kind: "refused", because });
  });

  it("has single slashes where the Module merges them, but in the query", () => {
    expect(normalizePath("//a///b?c=//", { mergeSlashes: true })).toEqual({ kind: "path", path: "/a/b?c=//" });
  });

  it("is refused for an escaped slash where the Module says so, but not in the query", () => {
    const settings = { rejectEscapedSlashes: true };
    expect(normalizePath("/a%2Fb", settings)).toEqual({ kind: "refused", because: "an escaped slash" });
    expect(normalizePath("/a?%2F", settings)).toEqual({ kind: "path", path: "/a?%2F" });
  });

  it("has query parameters as they are written, and the first of several", () => {
    expect([...queryParametersOf("/a?x=1&x=2&y&z=%20+&=e")]).toEqual([
      ["x", "1"],
      ["y", ""],
      ["z", "%20+"],
      ["", "e"],
    ]);
  });
});
