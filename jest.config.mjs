export default {
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2023" }, module: { type: "es6" } },
    ],
  },
  testEnvironment: "node",
  // Two cores, and many tests run a real Envoy.
  maxWorkers: 2,
  testTimeout: 60_000,
  modulePathIgnorePatterns: ["<rootDir>/dist", "<rootDir>/.cache"],
};
