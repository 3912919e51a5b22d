const inspectCustom = Symbol.for("nodejs.util.inspect.custom");

/** Secret bytes that no log, dump, golden or status can show by accident: every text form is `[redacted]`. */
export class Redacted {
  readonly #value: Uint8Array;

  constructor(value: Uint8Array) {
    this.#value = value;
  }

  /** The secret itself. Called where it is put on the wire to Envoy or checked, nowhere else. */
  reveal(): Uint8Array {
    return this.#value;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [inspectCustom](): string {
    return "[redacted]";
  }
}
