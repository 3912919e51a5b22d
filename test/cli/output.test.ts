import { describe, expect, it } from "@jest/globals";
import { paintFor, widthOf } from "../../cli/output/colour.ts";
import { structured } from "../../cli/output/format.ts";
import { table } from "../../cli/output/table.ts";

const terminal = { isTTY: true };
const pipe = {};
const painted = "\u001b[31mbad\u001b[39m";

describe("what commands print", () => {
  it("is in colours on a terminal alone, and as NO_COLOR and FORCE_COLOR say", () => {
    expect(paintFor(terminal, {})("red", "bad")).toBe(painted);
    expect(paintFor(pipe, {})("red", "bad")).toBe("bad");
    expect(paintFor(terminal, { NO_COLOR: "1" })("red", "bad")).toBe("bad");
    expect(paintFor(terminal, { TERM: "dumb" })("red", "bad")).toBe("bad");
    expect(paintFor(pipe, { FORCE_COLOR: "1" })("red", "bad")).toBe(painted);
    expect(paintFor(terminal, { FORCE_COLOR: "0" })("red", "bad")).toBe("bad");
  });

  it("aligns the columns of a table by what is seen, without blanks at the ends of lines", () => {
    const rows = [
      ["Mapping shop/quote", painted, "1"],
      ["Host é", "good enough", ""],
    ];
    expect(table(["OBJECT", "STATE", "COUNT"], rows)).toBe(
      [
        "OBJECT               STATE         COUNT",
        `Mapping shop/quote   ${painted}           1`,
        "Host é               good enough",
        "",
      ].join("\n"),
    );
    expect(table(["OBJECT", "STATE"], [])).toBe("OBJECT   STATE\n");
    expect(widthOf(painted)).toBe(3);
  });

  it("is one JSON or YAML document for programs, without YAML's anchors", () => {
    const same = { a: 1 };
    expect(structured({ x: same, y: same }, "yaml")).toBe("x:\n  a: 1\ny:\n  a: 1\n");
    expect(JSON.parse(structured({ x: same }, "json"))).toEqual({ x: same });
  });
});
