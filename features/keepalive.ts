import { z } from "zod";
import { count } from "./fields.ts";

export const keepaliveFields = {
  keepalive: z
    .object({
      idle_time: count("Seconds without data before the first probe. Default: the operating system's."),
      interval: count("Seconds between probes. Default: the operating system's."),
      probes: count("Unanswered probes after which the connection counts as dead. Default: the operating system's."),
    })
    .optional()
    .describe("TCP keepalive of connections to the upstream. Default: the Module's keepalive, else none."),
};
