import { checked, type Feature, type FieldProblem, invalid, nothing } from "./feature.ts";
import { flag, texts } from "./fields.ts";

export const upgradesFields = {
  allow_upgrade: texts(
    "Protocols that a connection may be upgraded to, without regard to case, such as websocket or spdy/3.1. Default: none.",
  ),
  use_websocket: flag("Deprecated: write allow_upgrade: [websocket] instead, which true stands for. Default: false."),
};

const WEBSOCKET = "websocket";

/** Protocol names of an Upgrade header: tokens, with a version or without. */
const PROTOCOL = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)?$/;

/** Names of protocols, each once: Envoy refuses repetitions and does not regard case. */
export const upgrades: Feature<typeof upgradesFields, readonly string[]> = {
  name: "upgrades",
  fields: upgradesFields,
  ofGroup: { merge: [] },

  fromMapping({ allow_upgrade: allowed = [], use_websocket: useWebsocket }) {
    const problems: FieldProblem[] = [];
    allowed.forEach((name, index) => {
      if (PROTOCOL.test(name)) return;
      const message = `${JSON.stringify(name)} is not the name of a protocol`;
      problems.push(invalid(["allow_upgrade", index], message, "write one protocol in each item, such as websocket"));
    });
    // Emissary takes use_websocket: false for true.
    const protocols = new Set(allowed.map((name) => name.toLowerCase()));
    if (useWebsocket === true) protocols.add(WEBSOCKET);
    return protocols.size === 0 ? nothing : checked([...protocols], problems);
  },

  forward: (protocols, action) => ({
    ...action,
    upgradeConfigs: protocols.map((upgradeType) => ({ upgradeType })),
  }),
};
