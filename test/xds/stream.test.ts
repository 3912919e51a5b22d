import { describe, expect, it } from "@jest/globals";
import { installed, Recorder, snapshot } from "./recorder.ts";

const first = snapshot({
  cluster: ["a@1", "e@1"],
  endpoint: ["e@1"],
  secret: ["s@1"],
  extension: ["x@1"],
  listener: ["l@1"],
  route: ["r@a"],
});

describe("a new Envoy", () => {
  it("gets nothing before the first snapshot, and then all it asked for", () => {
    const stream = new Recorder();
    expect(stream.request("cluster")).toEqual([]);
    expect(stream.request("endpoint", { names: ["e"] })).toEqual([]);
    expect(stream.snapshot(first)).toEqual(["#1 endpoint +e@1", "#2 cluster +a@1 +e@1", "timer barrier"]);
  });

  it("gets each type when it subscribes, and the snapshot counts as acknowledged only with the last one", () => {
    const stream = new Recorder();
    stream.snapshot(first);
    expect(stream.request("cluster")).toEqual(["#1 cluster +a@1 +e@1", "timer barrier"]);
    expect(stream.request("endpoint", { names: ["e"] })).toEqual(["#2 endpoint +e@1"]);
    expect([...stream.ack(1), ...stream.ack(2)]).toEqual([]);
    expect(stream.request("listener")).toEqual(["#3 listener +l@1"]);
    expect(stream.request("route", { names: ["r"] })).toEqual(["#4 route +r@a"]);
    expect(stream.request("extension", { names: ["x"] })).toEqual(["#5 extension +x@1"]);
    expect(stream.ack(3)).toEqual([]);
    expect(stream.ack(4)).toEqual([]);
    expect(stream.ack(5)).toEqual(["acknowledged"]);
  });

  it("gets an empty answer where there is nothing, since it waits for one", () => {
    const stream = new Recorder();
    stream.snapshot(snapshot({}));
    expect(stream.request("cluster")).toEqual(["#1 cluster", "timer barrier"]);
    expect(stream.ack(1)).toEqual([]);
    expect(stream.request("listener")).toEqual(["#2 listener"]);
    expect(stream.ack(2)).toEqual(["acknowledged"]);
  });

  it("may subscribe to everything by a star", () => {
    const stream = new Recorder();
    stream.snapshot(first);
    expect(stream.request("cluster", { names: ["*"] })[0]).toBe("#1 cluster +a@1 +e@1");
  });
});

describe("a subscription", () => {
  it("of a name that is not there is answered as removed", () => {
    const stream = installed(first);
    expect(stream.request("endpoint", { names: ["nope"] })).toEqual(["#7 endpoint -nope"]);
    expect(stream.request("secret", { names: ["nope"] })).toEqual(["#8 secret -nope"]);
    expect(stream.request("extension", { names: ["nope"] })).toEqual(["#9 extension -nope"]);
  });

  it("of routes that are not there is answered with routes that match nothing, since Envoy ignores their removal", () => {
    const stream = installed(first);
    expect(stream.request("route", { names: ["nope"] })).toEqual(["#7 route +nope@\n\x04nope"]);
    const later = snapshot({ route: ["r@a", "nope@a"] }, first);
    stream.ack(7);
    expect(stream.snapshot(later)).toEqual(["#8 route +nope@a"]);
  });

  it("of a name it already has is answered again, because Envoy dropped it in between", () => {
    const stream = installed(first);
    expect(stream.request("endpoint", { names: ["e"] })).toEqual(["#7 endpoint +e@1"]);
    expect(stream.request("route", { names: ["r"] })).toEqual(["#8 route +r@a"]);
  });

  it("that ended gets no more updates", () => {
    const stream = installed(first);
    expect(stream.request("endpoint", { unsubscribe: ["e"] })).toEqual([]);
    expect(stream.snapshot(snapshot({ endpoint: ["e@2"] }, first))).toEqual(["acknowledged"]);
  });

  it("is answered at once with the old routes while new ones wait for clusters", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ cluster: ["a@1", "e@1", "b@1"], route: ["r@b", "n@b"] }, first));
    expect(stream.request("route", { names: ["r", "n"] })).toEqual(["#8 route +r@a"]);
    expect(stream.ack(7)).toEqual(["#9 route +r@b +n@b"]);
  });

  it("of endpoints is answered even if the next snapshot has dropped them", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ cluster: ["a@1", "e@1", "f@1"], endpoint: ["e@1", "f@1"] }, first));
    stream.snapshot(first);
    expect(stream.request("endpoint", { names: ["f"] })).toEqual(["#8 endpoint +f@1"]);
  });
});

describe("a change", () => {
  it("to a listener is acknowledged only with the certificates it then asks for: it does not listen without them", () => {
    const stream = installed(first);
    const next = snapshot({ listener: ["l@1", "m@1"], secret: ["s@1", "t@1"] }, first);
    expect(stream.snapshot(next)).toEqual(["#7 listener +m@1"]);
    expect(stream.request("secret", { names: ["t"] })).toEqual(["#8 secret +t@1"]);
    expect(stream.ack(7)).toEqual([]);
    expect(stream.ack(8)).toEqual(["acknowledged"]);
  });

  it("of routes alone is one push of routes", () => {
    const stream = installed(first);
    expect(stream.snapshot(snapshot({ route: ["r@e"] }, first))).toEqual(["#7 route +r@e"]);
    expect(stream.ack(7)).toEqual(["acknowledged"]);
  });

  it("of endpoints alone is one push of endpoints", () => {
    const stream = installed(first);
    expect(stream.snapshot(snapshot({ endpoint: ["e@2"] }, first))).toEqual(["#7 endpoint +e@2"]);
    expect(stream.ack(7)).toEqual(["acknowledged"]);
  });

  it("that encodes to the same bytes sends nothing", () => {
    const stream = installed(first);
    const again = snapshot({ cluster: ["e@1", "a@1"], endpoint: ["e@1"], listener: ["l@1"], route: ["r@a"] }, first);
    expect(stream.snapshot(again)).toEqual(["acknowledged"]);
  });

  it("makes before it breaks: clusters, then listeners and routes, then after the grace period the removal", () => {
    const stream = installed(first);
    const next = snapshot({ cluster: ["b@1", "e@1"], extension: ["x@2"], listener: ["l@2"], route: ["r@b"] }, first);
    expect(stream.snapshot(next)).toEqual(["#7 cluster +b@1", "timer barrier"]);
    expect(stream.ack(7)).toEqual(["#8 extension +x@2", "#9 listener +l@2", "#10 route +r@b"]);
    expect([...stream.ack(8), ...stream.ack(10)]).toEqual([]);
    expect(stream.ack(9)).toEqual(["acknowledged", "timer grace"]);
    expect(stream.timer("grace")).toEqual(["#11 cluster -a"]);
    expect(stream.ack(11)).toEqual([]);
  });

  it("removes a listener before its address is needed again", () => {
    const stream = installed(first);
    expect(stream.snapshot(snapshot({ listener: ["m@1"] }, first))).toEqual(["#7 listener +m@1 -l"]);
  });

  it("of endpoints and secrets waits for nothing", () => {
    const stream = installed(first);
    const swap = snapshot({ cluster: ["b@1", "e@1"], route: ["r@b"] }, first);
    stream.snapshot(swap);
    expect(stream.snapshot(snapshot({ endpoint: ["e@2"], secret: ["s@2"] }, swap))).toEqual([
      "#8 endpoint +e@2",
      "#9 secret +s@2",
    ]);
  });

  it("during a transition waits for its end; of several only the newest is taken", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ cluster: ["a@1", "e@1", "b@1"], route: ["r@b"] }, first));
    expect(stream.snapshot(snapshot({ route: ["r@2"] }, first))).toEqual([]);
    expect(stream.snapshot(snapshot({ route: ["r@3"] }, first))).toEqual([]);
    expect(stream.ack(7)).toEqual(["#8 route +r@b"]);
    expect(stream.ack(8)).toEqual(["acknowledged", "#9 route +r@3"]);
  });

  it("that takes a cluster up again within the grace period keeps it", () => {
    const stream = installed(first);
    stream.snapshot(snapshot({ cluster: ["e@1"], route: ["r@e"] }, first));
    expect(stream.ack(7)).toEqual(["acknowledged", "timer grace"]);
    stream.snapshot(first);
    expect(stream.timer("grace")).toEqual([]);
    expect(stream.ackAll()).toEqual(["acknowledged"]);
  });

  it("of routes does not wait for a grace period, nor does it prolong one", () => {
    const stream = installed(first);
    const without = snapshot({ cluster: ["e@1"], route: ["r@e"] }, first);
    stream.snapshot(without);
    expect(stream.ack(7)).toEqual(["acknowledged", "timer grace"]);
    expect(stream.snapshot(snapshot({ route: ["r@2"] }, without))).toEqual(["#8 route +r@2"]);
    expect(stream.timer("grace")).toEqual([]);
    expect(stream.ack(8)).toEqual(["acknowledged", "#9 cluster -a"]);
  });

  it("removes a secret that Envoy still subscribes to, after the grace period", () => {
    const stream = installed(first);
    expect(stream.snapshot(snapshot({ secret: [] }, first))).toEqual(["acknowledged", "timer grace"]);
    expect(stream.timer("grace")).toEqual(["#7 secret -s"]);
  });

  it("never removes extensions, endpoints or routes: an old listener may drain with them", () => {
    const stream = installed(first);
    expect(stream.snapshot(snapshot({ extension: [], endpoint: [], route: [] }, first))).toEqual(["acknowledged"]);
  });
});

describe("an Envoy that outlived the control plane", () => {
  const has = { cluster: ["a@1", "e@1"], listener: ["l@1"], route: ["r@a"], endpoint: ["e@1"] };

  it("is sent nothing if nothing changed", () => {
    const stream = new Recorder();
    stream.snapshot(first);
    expect(stream.request("cluster", { has: has.cluster })).toEqual([]);
    expect(stream.request("endpoint", { names: ["e"], has: has.endpoint })).toEqual([]);
    expect(stream.request("listener", { has: has.listener })).toEqual([]);
    expect(stream.request("route", { names: ["r"], has: has.route })).toEqual(["acknowledged"]);
  });

  it("gets what changed, in order, and loses what is gone only when the routes are acknowledged", () => {
    const stream = new Recorder();
    stream.snapshot(snapshot({ cluster: ["b@1", "e@1"], route: ["r@b"] }, first));
    expect(stream.request("cluster", { has: has.cluster })).toEqual(["#1 cluster +b@1", "timer barrier"]);
    expect(stream.request("endpoint", { names: ["e"], has: has.endpoint })).toEqual([]);
    expect(stream.request("listener", { has: has.listener })).toEqual([]);
    expect(stream.request("route", { names: ["r"], has: has.route })).toEqual([]);
    expect(stream.ack(1)).toEqual(["#2 route +r@b"]);
    expect(stream.ack(2)).toEqual(["acknowledged", "timer grace"]);
    expect(stream.timer("grace")).toEqual(["#3 cluster -a"]);
  });

  it("keeps its clusters until it has told its routes, however late it does", () => {
    const stream = new Recorder();
    stream.snapshot(snapshot({ cluster: ["e@1"], route: ["r@e"] }, first));
    expect(stream.request("cluster", { has: has.cluster })).toEqual([]);
    expect(stream.request("listener", { has: has.listener })).toEqual([]);
    expect(stream.timer("grace")).toEqual([]);
    expect(stream.request("route", { names: ["r"], has: has.route })).toEqual(["#1 route +r@e"]);
    expect(stream.ack(1)).toEqual(["acknowledged", "timer grace"]);
  });

  it("is sent no routes before it has told its clusters, which it does not while any is warming", () => {
    const stream = new Recorder();
    stream.snapshot(snapshot({ cluster: ["b@1", "e@1"], route: ["r@b"] }, first));
    expect(stream.request("endpoint", { names: ["e"] })).toEqual(["#1 endpoint +e@1", "timer barrier"]);
    expect(stream.request("listener", { has: has.listener })).toEqual([]);
    expect(stream.request("route", { names: ["r"], has: has.route })).toEqual([]);
    expect(stream.request("cluster", { has: has.cluster })).toEqual(["#2 cluster +b@1", "timer barrier"]);
    expect(stream.ack(2)).toEqual(["#3 route +r@b"]);
  });

  it("that never tells its clusters gets its routes all the same, later", () => {
    const stream = new Recorder();
    stream.snapshot(first);
    expect(stream.request("route", { names: ["r"] })).toEqual(["timer barrier"]);
    expect(stream.timer("barrier")).toEqual(["#1 route +r@a"]);
    expect(stream.ack(1)).toEqual([]);
    expect(stream.snapshot(snapshot({ route: ["r@e"] }, first))).toEqual(["#2 route +r@e"]);
  });

  it("that waits for a first snapshot keeps what it has", () => {
    const stream = new Recorder();
    expect(stream.request("cluster", { has: has.cluster })).toEqual([]);
    expect(stream.request("listener", { has: has.listener })).toEqual([]);
    expect(stream.request("route", { names: ["r"], has: has.route })).toEqual([]);
    expect(stream.snapshot(first)).toEqual(["acknowledged"]);
  });
});

describe("the naive order", () => {
  it("sends everything at once, removals first: the negative control of the tests with a real Envoy", () => {
    const stream = installed(first, { naiveOrder: true });
    const next = snapshot({ cluster: ["b@1", "e@1"], route: ["r@b"] }, first);
    expect(stream.snapshot(next)).toEqual(["#7 cluster +b@1 -a", "#8 route +r@b"]);
  });
});
