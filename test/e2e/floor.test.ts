import { expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where tests run the whole product against a real API server and send real requests. */
const folders = ["test/e2e", "test/faults"];

const { tests: floor } = JSON.parse(readFileSync(resolve("test/e2e/floor.json"), "utf8")) as { tests: number };

const sources = folders.flatMap((folder) =>
  readdirSync(resolve(folder), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".ts") && name !== "floor.test.ts")
    .map((name) => readFileSync(join(folder, name), "utf8")),
);

it(`has at least as many end-to-end tests as test/e2e/floor.json says (${floor})`, () => {
  const count = sources.reduce((sum, text) => sum + (text.match(/^ *it\(/gm) ?? []).length, 0);
  const advice = count > floor ? "; raise the floor" : "";
  process.stderr.write(`e2e: ${count} end-to-end tests, floor ${floor}${advice}\n`);
  expect(count).toBeGreaterThanOrEqual(floor);
});

it("leaves none of them out", () => {
  const leftOut = sources.flatMap(
    (text) => text.match(/^ *(?:x?it|x?describe|test)\.(?:skip|only|todo)\(|^ *x(?:it|describe)\(/gm) ?? [],
  );
  expect(leftOut).toEqual([]);
});
