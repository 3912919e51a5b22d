import { checked, type Feature, ignored, nothing, oneLineProblems, regexProblems } from "./feature.ts";
import { regexSubstitution, text } from "./fields.ts";

export const rewriteFields = {
  rewrite: text(
    "Replaces the matched prefix in the path sent upstream. An empty string leaves the path as it is. Ignored with regex_rewrite. Default: /.",
  ),
  regex_rewrite: regexSubstitution("Rewrites the path sent upstream by a regular expression; wins over rewrite."),
};

export type RewriteSettings =
  | { readonly kind: "prefix"; readonly replacement: string }
  | { readonly kind: "regex"; readonly pattern: string; readonly substitution: string };

export const rewrite: Feature<typeof rewriteFields, RewriteSettings> = {
  name: "rewrite",
  fields: rewriteFields,

  fromMapping(spec, { defaults }) {
    if (spec.regex_rewrite === undefined) {
      const replacement = spec.rewrite ?? "/";
      return replacement === ""
        ? nothing
        : checked({ kind: "prefix", replacement }, oneLineProblems(replacement, ["rewrite"]));
    }
    const { pattern = "", substitution = "" } = spec.regex_rewrite;
    const problems = [
      ...regexProblems(pattern, ["regex_rewrite", "pattern"], defaults.regex_max_size),
      ...oneLineProblems(substitution, ["regex_rewrite", "substitution"]),
    ];
    if (spec.rewrite !== undefined) {
      problems.push(
        ignored(["rewrite"], "rewrite and regex_rewrite are both set; rewrite is ignored", "leave one of them out"),
      );
    }
    return { value: { kind: "regex", pattern, substitution }, problems };
  },

  forward(value, action) {
    if (value.kind === "prefix") return { ...action, prefixRewrite: value.replacement };
    return { ...action, regexRewrite: { pattern: { regex: value.pattern }, substitution: value.substitution } };
  },
};
