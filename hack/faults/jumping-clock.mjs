// Preloaded into a Node process, this adds to its wall clock what the file CLOCK_FILE says, in milliseconds.
import { readFileSync } from "node:fs";

const file = process.env.CLOCK_FILE ?? "";
const RealDate = Date;

function offsetMs() {
  try {
    return Number(readFileSync(file, "utf8")) || 0;
  } catch {
    return 0;
  }
}

globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offsetMs());
    else super(...given);
  }

  static now() {
    return RealDate.now() + offsetMs();
  }
};
