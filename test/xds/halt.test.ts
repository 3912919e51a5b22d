import { describe, expect, it } from "@jest/globals";
import { installed, type Recorder, snapshot } from "./recorder.ts";

const first = snapshot({ cluster: ["a@1"], listener: ["l@1"], route: ["r@a"] });
const withNew = snapshot({ cluster: ["a@1", "b@1"], route: ["r@b"] }, first);

/** A stream that has refused the new cluster b. */
function halted(): Recorder {
  const stream = installed(first, { halts: true });
  expect(stream.snapshot(withNew)).toEqual(["#4 cluster +b@1", "timer barrier"]);
  expect(stream.nack(4, "no")).toEqual([
    "nack cluster b: no",
    "#5 cluster -b",
    "timer barrier",
    "halted for cluster b",
  ]);
  return stream;
}

describe("a new cluster that is refused", () => {
  it("halts the routes until a better snapshot comes, which takes the place of the one that was halted", () => {
    const stream = halted();
    expect(stream.ack(5)).toEqual([]);
    expect(stream.snapshot(snapshot({ route: ["r@better"] }, first))).toEqual(["#6 route +r@better"]);
    expect(stream.ack(6)).toEqual(["acknowledged"]);
  });

  it("holds up nothing where there is no better one, and is not asked about again", () => {
    const stream = halted();
    expect(stream.event({ kind: "goOn" })).toEqual(["#6 route +r@b"]);
    expect(stream.ack(6)).toEqual(["acknowledged but cluster b"]);
    expect(stream.snapshot(snapshot({ route: ["r@c"] }, withNew))).toEqual(["#7 route +r@c"]);
  });

  it("holds up the others for one barrier at most", () => {
    const stream = halted();
    expect(stream.timer("barrier")).toEqual(["#6 route +r@b"]);
  });

  it("answers meanwhile what Envoy asks for, from what it has", () => {
    const stream = halted();
    expect(stream.request("route", { names: ["r"] })).toEqual(["#6 route +r@a"]);
  });

  it("halts nothing where Envoy keeps an earlier version of it, or where nobody would answer", () => {
    const stream = installed(first, { halts: true });
    stream.snapshot(snapshot({ cluster: ["a@2"], route: ["r@b"] }, first));
    expect(stream.nack(4, "no")).toEqual(["nack cluster a: no", "#5 cluster +a@1", "#6 route +r@b"]);
    const other = installed(first);
    other.snapshot(withNew);
    expect(other.nack(4, "no")).toEqual(["nack cluster b: no", "#5 cluster -b", "#6 route +r@b"]);
  });
});
