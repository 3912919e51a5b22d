import { flag, texts } from "./fields.ts";

export const upgradesFields = {
  allow_upgrade: texts(
    "Protocols that a connection may be upgraded to, without regard to case, such as websocket or spdy/3.1. Default: none.",
  ),
  use_websocket: flag("Deprecated: write allow_upgrade: [websocket] instead, which true stands for. Default: false."),
};
