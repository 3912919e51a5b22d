import { describe, expect, it } from "@jest/globals";
import { sayUnread } from "../../runtime/unread-variables.ts";
import { memoryLog } from "./memory-log.ts";

describe("variables of Emissary that are not read", () => {
  it("are named when they ask for something, and otherwise not", () => {
    const log = memoryLog("supervisor");
    const quiet = { AMBASSADOR_KNATIVE_SUPPORT: "", AMBASSADOR_UPDATE_MAPPING_STATUS: "false" };
    sayUnread({ ...quiet, AMBASSADOR_ID: "blue", AMBASSADOR_CONFIG_DIR: "/conf" }, log);
    expect(log.lines).toEqual([expect.stringMatching(/AMBASSADOR_CONFIG_DIR is not read: .*--config/)]);
  });
});
