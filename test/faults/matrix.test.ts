import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { faults } from "../../hack/faults/all.ts";
import { runFault } from "../../hack/faults/fault.ts";
import { type Ground, prepareGround } from "../../hack/faults/ground.ts";
import { clusterAvailable } from "../cluster/available.ts";

let ground: Ground;

// The short forms; `npm run faults` has the long ones. That a lost request is seen: test/faults/lifecycle.test.ts kills an Envoy, and
// here too it is the one fault whose failures are named.
(clusterAvailable ? describe : describe.skip)("under load, no request is lost and changes land again, after", () => {
  beforeAll(async () => {
    ground = await prepareGround();
  }, 120_000);

  afterAll(() => ground?.stop(), 30_000);

  it.each(faults.filter(({ inTests }) => inTests).map((fault) => [fault.name, fault] as const))(
    "%s",
    async (_, fault) => {
      const { happened, requests, lost, excused, landsAfterMs } = await runFault(ground, fault, "short");
      process.stderr.write(
        `faults: ${fault.name}: ${happened}; ${requests} requests, ${lost.length} lost; lands after ${landsAfterMs} ms\n`,
      );
      expect(lost).toEqual([]);
      expect(excused > 0).toBe(fault.name === "envoy-killed");
    },
    120_000,
  );
});
