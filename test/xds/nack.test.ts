import { describe, expect, it } from "@jest/globals";
import { showable } from "../../xds/order/nack.ts";
import { installed, snapshot } from "./recorder.ts";

const first = snapshot({ cluster: ["a@1"], listener: ["l@1"], route: ["r@a"] });

describe("a refused resource", () => {
  it("settles its barrier, and is named with the snapshot", () => {
    const stream = installed(first);
    expect(stream.snapshot(snapshot({ route: ["r@bad"] }, first))).toEqual(["#4 route +r@bad"]);
    expect(stream.nack(4, "missing )")).toEqual(["nack route r: missing )", "acknowledged but route r"]);
  });

  it("is not sent again in the same version, only in the next", () => {
    const stream = installed(first);
    const bad = snapshot({ route: ["r@bad"] }, first);
    stream.snapshot(bad);
    stream.nack(4, "missing )");
    expect(stream.snapshot(snapshot({ route: ["r@bad"] }, bad))).toEqual(["acknowledged but route r"]);
    expect(stream.snapshot(snapshot({ route: ["r@good"] }, bad))).toEqual(["#5 route +r@good"]);
    expect(stream.ack(5)).toEqual(["acknowledged"]);
  });

  it("is tried again where it comes again after another one", () => {
    const stream = installed(first);
    const bad = snapshot({ route: ["r@bad"] }, first);
    stream.snapshot(bad);
    stream.nack(4, "no such file");
    expect(stream.snapshot(first)).toEqual(["acknowledged"]);
    expect(stream.snapshot(bad)).toEqual(["#5 route +r@bad"]);
    expect(stream.ack(5)).toEqual(["acknowledged"]);
  });

  it("is not the answer to a new subscription: its last good version is", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ route: ["r@bad"] }, first));
    stream.nack(4, "missing )");
    expect(stream.request("route", { names: ["r"] })).toEqual(["#5 route +r@a"]);
  });

  it("leaves what Envoy has as it was, so that going back sends nothing", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ route: ["r@bad"] }, first));
    stream.nack(4, "missing )");
    expect(stream.snapshot(first)).toEqual(["acknowledged"]);
  });

  it("keeps the clusters that its last good version still routes to", () => {
    const stream = installed(first);
    const bad = snapshot({ cluster: ["b@1"], route: ["r@bad"] }, first);
    stream.snapshot(bad);
    stream.ack(4);
    expect(stream.nack(5, "missing )")).toEqual(["nack route r: missing )", "acknowledged but route r"]);
    stream.snapshot(snapshot({ route: ["r@b"] }, bad));
    expect(stream.ack(6)).toEqual(["acknowledged", "timer grace"]);
    expect(stream.timer("grace")).toEqual(["#7 cluster -a"]);
  });
});

describe("a refused response of several clusters", () => {
  const next = snapshot({ cluster: ["a@1", "b@1", "c@1", "d@1"] }, first);

  it("that names the bad ones tells which: the others count as applied, and the bad are taken back", () => {
    const stream = installed(first);
    expect(stream.snapshot(next)).toEqual(["#4 cluster +b@1 +c@1 +d@1", "timer barrier"]);
    expect(stream.nack(4, "Error adding/updating cluster(s) b: no certificate, d: ring hash: 10 > 5")).toEqual([
      "nack cluster b: b: no certificate",
      "nack cluster d: d: ring hash: 10 > 5",
      "#5 cluster -b -d",
      "acknowledged but cluster b but cluster d",
    ]);
    expect(stream.snapshot(snapshot({ cluster: ["a@1", "c@1"] }, next))).toEqual(["acknowledged"]);
  });

  it("takes a refused change back to the version before", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ cluster: ["a@2", "b@1"] }, first));
    const message = "Error adding/updating cluster(s) a: ring hash: 10 > 5";
    expect(stream.nack(4, message)).toEqual([
      "nack cluster a: a: ring hash: 10 > 5",
      "#5 cluster +a@1",
      "acknowledged but cluster a",
    ]);
    expect(stream.ack(5)).toEqual([]);
    expect(stream.snapshot(snapshot({ cluster: ["a@2", "b@1"] }, first))).toEqual(["acknowledged but cluster a"]);
  });

  it("that names none is sent again in halves, until the bad one stands alone", () => {
    const stream = installed(first);
    stream.snapshot(next);
    expect(stream.nack(4, "Proto constraint")).toEqual(["bisect cluster", "#5 cluster +b@1 +c@1", "#6 cluster +d@1"]);
    expect(stream.nack(5, "Proto constraint")).toEqual(["bisect cluster", "#7 cluster +b@1", "#8 cluster +c@1"]);
    expect([...stream.ack(6), ...stream.ack(7)]).toEqual([]);
    expect(stream.nack(8, "Proto constraint")).toEqual([
      "nack cluster c: Proto constraint",
      "#9 cluster -c",
      "acknowledged but cluster c",
    ]);
  });

  it("whose message was cut says nothing about those it does not name", () => {
    const stream = installed(first);
    stream.snapshot(next);
    expect(stream.nack(4, "Error adding/updating cluster(s) b: no certificate, c...(truncated)")).toEqual([
      "nack cluster b: b: no certificate, c...(truncated)",
      "#5 cluster -b",
      "bisect cluster",
      "#6 cluster +c@1",
      "#7 cluster +d@1",
    ]);
  });
});

describe("a refused response of several listeners", () => {
  it("with removals repeats them if it was refused as a whole", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ listener: ["m@1", "n@1"] }, first));
    expect(stream.nack(4, "Proto constraint")).toEqual([
      "bisect listener",
      "#5 listener -l",
      "#6 listener +m@1",
      "#7 listener +n@1",
    ]);
    expect(stream.ackAll()).toEqual(["acknowledged"]);
  });

  it("that names the bad one is not taken back: Envoy keeps the last good listener by itself", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ listener: ["l@2", "m@1"] }, first));
    expect(stream.nack(4, "Error adding/updating listener(s) l: no such filter\n")).toEqual([
      "nack listener l: l: no such filter",
      "acknowledged but listener l",
    ]);
  });
});

describe("clusters that do not become warm", () => {
  const next = snapshot({ cluster: ["a@2", "b@1", "c@1"], route: ["r@b"] }, first);

  it("are taken back once, which frees a refusal that Envoy held back, and the good ones are sent again", () => {
    const stream = installed(first);
    expect(stream.snapshot(next)).toEqual(["#4 cluster +a@2 +b@1 +c@1", "timer barrier"]);
    expect(stream.timer("barrier")).toEqual(["barrier elapsed: withdraw", "#5 cluster +a@1 -b -c", "timer barrier"]);
    expect(stream.nack(4, "Error adding/updating cluster(s) c: ring hash: 10 > 5")).toEqual([
      "nack cluster c: c: ring hash: 10 > 5",
      "#6 cluster -c",
    ]);
    expect(stream.ack(5)).toEqual(["#7 cluster +a@2 +b@1", "timer barrier"]);
    expect(stream.ack(7)).toEqual(["#8 route +r@b"]);
    expect(stream.ack(8)).toEqual(["acknowledged but cluster c"]);
  });

  it("hold up routes no longer than two barriers", () => {
    const stream = installed(first);
    stream.snapshot(next);
    stream.timer("barrier");
    expect(stream.timer("barrier")).toEqual(["barrier elapsed: goOn", "#6 cluster +a@2 +b@1 +c@1", "#7 route +r@b"]);
    expect(stream.ack(7)).toEqual(["acknowledged"]);
  });

  it("from an earlier change are not taken back for a later one", () => {
    const stream = installed(first);
    stream.snapshot(next);
    stream.timer("barrier");
    stream.timer("barrier");
    stream.ack(7);
    stream.snapshot(snapshot({ cluster: ["a@2", "b@1", "c@1", "d@1"], route: ["r@d"] }, next));
    expect(stream.timer("barrier")).toEqual(["barrier elapsed: goOn", "#9 route +r@d"]);
  });
});

describe("what is shown of Envoy's message", () => {
  it("leaves out the resource, which may hold a private key", () => {
    const message =
      'goo.gle/debugstr   \nname: "s"\nprivate_key {\n  inline_string: "KEY"\n}\n: Proto constraint validation failed (Sni)';
    expect(showable(message)).toBe("[resource] Proto constraint validation failed (Sni)");
    expect(showable("Expected positive duration: goo.gle/debugonly    \nseconds: -1\n")).toBe(
      "Expected positive duration: [resource]",
    );
    expect(showable(`a: goo.gle/debugproto \nkey: "KEY"\n: bad, b: goo.gle/debug \nkey: "KEY...(truncated)`)).toBe(
      "a: [resource] bad, b: [resource]",
    );
  });

  it("has at most 1 KB", () => {
    expect(showable("x".repeat(5000))).toHaveLength(1024);
  });
});
