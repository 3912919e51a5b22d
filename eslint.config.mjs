import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Folders of the pure core: data in, data out. */
const pure = [
  "crds",
  "sources",
  "ir",
  "features",
  "filters",
  "discovery",
  "xds/resources",
  "xds/order",
  "xds/static",
  "compile",
  "insight",
  "status",
];

/** Packages of the shell. The pure core never imports them, nor Node's own modules but crypto. */
const shellPackages = [
  "pepr",
  "kubernetes-fluent-client",
  "@kubernetes/*",
  "@grpc/*",
  "winston",
  "prom-client",
  "chokidar",
  "commander",
];

// Envoy has a service of the name runtime: its generated types are none of ours.
const shellFolders = ["**/runtime/**", "**/cli/**", "**/xds/server/**", "!**/generated/**"];

export default tseslint.config(
  { ignores: ["node_modules/**", "dist/**", ".cache/**", "xds/generated/**"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        Buffer: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        setImmediate: "readonly",
        clearImmediate: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        URL: "readonly",
        fetch: "readonly",
        AbortController: "readonly",
        AbortSignal: "readonly",
        performance: "readonly",
        structuredClone: "readonly",
      },
    },
    rules: {
      "max-lines": ["error", { max: 300, skipComments: true, skipBlankLines: true }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }],
      "no-restricted-properties": [
        "error",
        { object: "Map", property: "groupBy", message: "Node 20 has none; see ir/group-by.ts." },
        { object: "Object", property: "groupBy", message: "Node 20 has none; see ir/group-by.ts." },
      ],
      eqeqeq: "error",
    },
  },
  {
    files: pure.map((folder) => `${folder}/**/*.ts`),
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["node:*", "!node:crypto"],
              message: "The core is pure: time, files and the network come in as arguments.",
            },
            { group: shellPackages, message: "A package of the shell: the pure core does not import it." },
            { group: shellFolders, message: "The core does not know the shell." },
          ],
        },
      ],
      "no-restricted-globals": ["error", "process", "console", "setTimeout", "fetch"],
    },
  },
  {
    files: ["features/**/*.ts", "filters/**/*.ts", "ir/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["node:*", "!node:crypto"] },
            { group: [...shellPackages, ...shellFolders] },
            {
              group: ["**/sources/**", "**/insight/**"],
              message: "Features know the IR and Envoy's types, not where a route came from.",
            },
          ],
        },
      ],
    },
  },
  { files: ["**/*.mjs", "pepr.ts"], rules: { "no-restricted-exports": "off" } },
);
