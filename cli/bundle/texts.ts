/** What gateways have said, without what no bundle holds. They quote nothing of it; here it is made sure. */
import { type Fields, isFields } from "../../crds/metadata.ts";
import { withoutCredentials } from "../../ir/sensitive.ts";

const HIDDEN = "[redacted]";
/** Shorter ones are no secrets, and parts of any word. */
const LEAST_LENGTH = 4;

/** A value with each text in it, but no key, redacted. */
export type RedactTexts = <T>(value: T) => T;

/** @param hidden texts that were taken out of objects */
export function textRedactor(hidden: Iterable<string>): RedactTexts {
  const quoted = (text: string) => JSON.stringify(text).slice(1, -1);
  const forms = [...hidden]
    .filter((text) => text.length >= LEAST_LENGTH)
    .flatMap((text) => [text, quoted(text), quoted(quoted(text))]);
  // The longest first: what is left of it when a part is gone would be found no more.
  const sorted = [...new Set(forms)].sort((a, b) => b.length - a.length);
  // Thousands of objects say the same.
  const known = new Map<string, string>();
  const redacted = (text: string) =>
    sorted.reduce(
      (rest, form) => (rest.includes(form) ? rest.replaceAll(form, HIDDEN) : rest),
      withoutCredentials(text),
    );
  const redactText = (text: string) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const after = redacted(text);
    known.set(text, after);
    return after;
  };
  const redact = (value: unknown): unknown => {
    if (typeof value === "string") return redactText(value);
    if (Array.isArray(value)) return value.map(redact);
    return isFields(value)
      ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, redact(each)]))
      : value;
  };
  return <T>(value: T) => redact(value) as T;
}

/** A page of a gateway, as JSON where it is some: else a secret like `true` would break it. */
export function redactPage(text: string, redact: RedactTexts): string {
  try {
    return `${JSON.stringify(redact(JSON.parse(text) as unknown))}\n`;
  } catch {
    return redact(text);
  }
}

/** What a Secret says, but for certificates. */
export function secretTexts({ data, stringData }: Fields): readonly string[] {
  const textsOf = (value: unknown) =>
    isFields(value) ? Object.values(value).filter((each) => typeof each === "string") : [];
  const encoded = textsOf(data);
  const plain = [...textsOf(stringData), ...encoded.map((text) => Buffer.from(text, "base64").toString("utf8"))];
  return [...encoded, ...plain].filter((text) => !text.includes("-----BEGIN CERTIFICATE-----") && !isFlag(text));
}

/** As `cert_required` is. */
function isFlag(text: string): boolean {
  return /^\s*(true|false)\s*$/i.test(text);
}
