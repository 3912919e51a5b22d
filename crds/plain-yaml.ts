/**
 * The YAML that most manifests are made of: block maps and lists, plain words, quoted texts without escapes, whole numbers, true and
 * false. Reads it twenty times faster than the YAML parser does. Of anything else, mistakes included, it reads nothing at all.
 */

/** What is no plain YAML. */
const not = Symbol("not plain YAML");
type Read = unknown;

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** Neither tabs nor letters beyond ASCII. A word starts with a letter or a slash, so that it is no number and no indicator. */
const keyed = /^([A-Za-z][\w./-]*):(?: +(.+))?$/;
const word = /^[A-Za-z/](?:[\w./:@=+,*?-]*[\w./@=+,*?-])?$/;
const number = /^(?:0|-?[1-9]\d{0,14})$/;
const doubleQuoted = /^"([ !#-[\]-~]*)"$/;
const singleQuoted = /^'([ -&(-~]*)'$/;
/** Not texts in YAML 1.1, whatever their case. */
const reserved = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/** @returns the value of a single document; undefined when it has to be read by the YAML parser */
export function readPlainYaml(text: string): unknown {
  const lines: Line[] = [];
  for (const line of text.replace(/^---\n/, "").split("\n")) {
    const indent = line.search(/[^ ]/);
    if (indent === -1 || line[indent] === "#") continue;
    lines.push({ indent, text: line.slice(indent) });
  }
  const [first] = lines;
  if (first === undefined || first.indent !== 0 || first.text.startsWith("-")) return undefined;
  let at = 0;

  const map = (indent: number): Read => {
    const result: Record<string, unknown> = {};
    for (let line = lines[at]; line !== undefined && line.indent >= indent; line = lines[at]) {
      const [, key, rest] = (line.indent === indent && keyed.exec(line.text)) || [];
      if (key === undefined || reserved.test(key) || Object.hasOwn(result, key)) return not;
      at++;
      const value = rest === undefined ? below(indent) : scalar(rest);
      if (value === not) return not;
      result[key] = value;
      if (lines[at]?.indent === indent && lines[at]?.text.startsWith("- ")) return not;
    }
    return result;
  };

  /** The value of a key with nothing after its colon. A list may stand right below the key. */
  const below = (indent: number): Read => {
    const next = lines[at];
    if (next === undefined || next.indent < indent) return null;
    const isList = next.text.startsWith("- ");
    if (next.indent === indent) return isList ? list(indent) : null;
    return isList ? list(next.indent) : map(next.indent);
  };

  const list = (indent: number): Read => {
    const result: unknown[] = [];
    for (let line = lines[at]; line !== undefined && line.indent >= indent; line = lines[at]) {
      if (line.indent > indent) return not;
      if (!line.text.startsWith("- ")) break;
      const rest = line.text.slice(2);
      let value: Read;
      if (keyed.test(rest)) {
        // A map that starts on the line of its dash: its other keys stand below the first.
        lines[at] = { indent: indent + 2, text: rest };
        value = map(indent + 2);
      } else {
        at++;
        value = scalar(rest);
      }
      if (value === not) return not;
      result.push(value);
    }
    return result;
  };

  const value = map(0);
  return value === not ? undefined : value;
}

function scalar(text: string): Read {
  if (word.test(text)) return text === "true" ? true : text === "false" ? false : reserved.test(text) ? not : text;
  if (number.test(text)) return Number(text);
  return (doubleQuoted.exec(text) ?? singleQuoted.exec(text))?.[1] ?? not;
}
