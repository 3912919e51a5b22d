import { describe, expect, it } from "@jest/globals";
import { globCovers, globMatches, globsOverlap, hostNameProblems } from "../../sources/getambassador/hostname.ts";

// Typed in by hand from the specification (section 4, glob overlap rules, and the vectors it names). Never generated.

/** Whether some host name matches both: what attaches a Mapping to a Host. */
const overlaps: readonly (readonly [a: string, b: string, overlap: boolean])[] = [
  ["a.example.com", "a.example.com", true],
  ["a.example.com", "A.Example.COM", true],
  ["a.example.com", "b.example.com", false],
  ["*", "foo.example.com", true],
  ["*", "*", true],
  ["*", "*.example.com", true],
  ["*.example.com", "a.example.com", true],
  ["*.example.com", "a.b.example.com", true],
  ["*.example.com", "example.com", false],
  ["*.example.com", "a.example.org", false],
  ["*example.com", "b.example.com", true],
  ["*example.com", "bexample.com", true],
  // A star stands for at least one sign.
  ["*example.com", "example.com", false],
  ["*ple.com", "b.example.com", true],
  ["*example.com", "a.example.org", false],
  ["*ple.com", "a.example.org", false],
  ["a.example.*", "a.example.com", true],
  ["a.example.*", "a.example.org", true],
  ["a.example.*", "a.example.", false],
  ["a.example*", "a.example.com", true],
  ["foo.example*", "foo.example.com.", true],
  ["a.exa*", "a.example.com", true],
  ["a.example.*", "b.example.com", false],
  ["a.example*", "b.example.com", false],
  ["a.exa*", "b.example.com", false],
  // A star in the middle is no wildcard.
  ["a.*.com", "a.example.com", false],
  ["a.*.com", "a.*.com", true],
  ["*.com", "a.example.com", true],
  ["*.com", "a.example.org", false],
  ["*.example.com", "*.example.com", true],
  ["*example.com", "*.example.com", true],
  ["*.com", "*.example.com", true],
  ["*.example.com", "*.example.org", false],
  ["a.*", "a.example.*", true],
  ["a.*", "b.*", false],
  ["*.example.com", "a.example.*", true],
  ["*.example.com", "a.b.example.*", true],
  ["*.example.baz.com", "a.b.example.*", true],
  ["*.foo.bar", "baz.zing.*", true],
  // A star at both ends equals itself and nothing else.
  ["*.example.*", "a.example.com", false],
  ["*.example.*", "*.example.*", true],
  // A port is part of the text.
  ["*.local:8500", "quote.local", false],
  ["*.local:8500", "quote.local:8500", true],
  ["*", "quote.local:8500", true],
  ["quote.*", "quote.local:8500", true],
  ["quote.*", "*.local:8500", true],
  ["quote.com:8500", "quote.com:8500", true],
  ["quote.com:8500", "quote.com", false],
];

describe("globsOverlap", () => {
  it.each(overlaps)("%s and %s: %s", (a, b, overlap) => {
    expect(globsOverlap(a, b)).toBe(overlap);
    expect(globsOverlap(b, a)).toBe(overlap);
  });
});

/** Whether all host names of the second match the first: which Host owns a domain, and which condition can be left out. */
const covers: readonly (readonly [outer: string, inner: string, covered: boolean])[] = [
  ["*", "*", true],
  ["*", "a.example.com", true],
  ["*", "*.example.com", true],
  ["*", "a.*", true],
  ["*.example.com", "*", false],
  ["*.example.com", "*.example.com", true],
  ["*.example.com", "*.a.example.com", true],
  ["*.a.example.com", "*.example.com", false],
  ["*.example.com", "a.example.com", true],
  ["*.example.com", "example.com", false],
  ["*.example.com", "a.example.*", false],
  ["a.*", "a.example.*", true],
  ["a.example.*", "a.*", false],
  ["a.*", "a.example.com", true],
  ["a.*", "*.com", false],
  ["a.example.com", "a.example.com", true],
  ["a.example.com", "A.EXAMPLE.com", true],
  ["a.example.com", "*.example.com", false],
];

describe("globCovers", () => {
  it.each(covers)("%s covers %s: %s", (outer, inner, covered) => {
    expect(globCovers(outer, inner)).toBe(covered);
  });
});

const matches: readonly (readonly [glob: string, host: string, match: boolean])[] = [
  ["*", "a.example.com", true],
  ["*.example.com", "A.EXAMPLE.COM", true],
  ["*.example.com", "example.com", false],
  ["www.*", "www.example.com", true],
  ["www.*", "www.", false],
  ["a.example.com", "a.example.com", true],
  ["a.example.com", "a.example.com:8080", false],
];

describe("globMatches", () => {
  it.each(matches)("%s matches %s: %s", (glob, host, match) => {
    expect(globMatches(glob, host)).toBe(match);
  });
});

describe("a star that is no wildcard", () => {
  it.each(["a.*.b", "*.a.*", "a*b", "**", "*.*.com", "a.*.*"])("is told of %s, which stays", (hostname) => {
    const [problem, ...more] = hostNameProblems(hostname, ["hostname"]);
    expect(problem).toMatchObject({ code: "IgnoredField", severity: "warning", path: ["hostname"] });
    expect(more).toEqual([]);
  });

  it.each(["*", "*.com", "*com", "www.*", "www*", "a.example.com:8080"])("is not found in %s", (hostname) => {
    expect(hostNameProblems(hostname, ["hostname"])).toEqual([]);
  });
});
