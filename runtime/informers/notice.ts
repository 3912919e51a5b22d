/** What keeps a kind from being live, said once for as long as it lasts. */

import type { Log } from "../log.ts";

export type NoticeLevel = "info" | "warn";

export interface Notice {
  say(level: NoticeLevel, text: string): void;
  /** Says that it is over, if something was said. */
  clear(text: string): void;
}

export function notice(log: Log): Notice {
  let said = "";
  return {
    say(level, text) {
      if (text === said) return;
      said = text;
      log[level](text);
    },
    clear(text) {
      if (said !== "") log.info(text);
      said = "";
    },
  };
}
