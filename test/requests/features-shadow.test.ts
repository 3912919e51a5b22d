import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let one: EchoBackend;
let two: EchoBackend;
let copy: EchoBackend;

beforeAll(async () => {
  [gateway, one, two, copy] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    echoBackend("two"),
    echoBackend("copy"),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), one.close(), two.close(), copy.close()]);
});

const primary = (spec: object = {}) => mapping("primary", { prefix: "/a/", service: one.service, ...spec });
const shadow = (spec: object = {}) =>
  mapping("shadow", { prefix: "/a/", service: copy.service, shadow: true, ...spec });

/** Sends requests and returns how many copies came. */
async function copiesOf(requests: number): Promise<number> {
  const before = copy.seen.length;
  for (let i = 0; i < requests; i++) expect((await gateway.request("/a/x?y=z")).echo().backend).not.toBe("copy");
  // Copies are sent at the same time as the request; the last ones may still be on their way.
  let seen = -1;
  await eventually("no more copies come", async () => {
    const now = copy.seen.length;
    const settled = now === seen;
    seen = now;
    await new Promise((done) => setTimeout(done, 30));
    return settled;
  });
  return seen - before;
}

describe("shadow", () => {
  // shows: Mapping.shadow
  it("copies every request of the Mapping with the same match, and answers none", async () => {
    expect(await gateway.apply(primary({ rewrite: "/inner/" }) + shadow())).toEqual([]);
    expect(await copiesOf(5)).toBe(5);
    expect(copy.seen.at(-1)).toMatchObject({ url: "/inner/x?y=z" });
  });

  it("copies weight percent of them", async () => {
    expect(await gateway.apply(primary() + shadow({ weight: 20 }))).toEqual([]);
    const total = 1000;
    const sigma = Math.sqrt(total * 0.2 * 0.8);
    expect(Math.abs((await copiesOf(total)) - total * 0.2)).toBeLessThan(5 * sigma);
  });

  it("copies the requests of a whole canary group without a share of it", async () => {
    const second = mapping("second", { prefix: "/a/", service: two.service, weight: 50 });
    expect(await gateway.apply(primary() + second + shadow())).toEqual([]);
    const before = { one: one.seen.length, two: two.seen.length };
    expect(await copiesOf(60)).toBe(60);
    expect(one.seen.length).toBeGreaterThan(before.one);
    expect(two.seen.length).toBeGreaterThan(before.two);
  });

  it("copies nothing of other matches, and serves nothing alone", async () => {
    const problems = await gateway.apply(mapping("other", { prefix: "/b/", service: one.service }) + shadow());
    expect(problems.map(({ code, severity, path }) => [code, severity, path])).toEqual([
      ["NotAttached", "warning", ["spec", "shadow"]],
    ]);
    const before = copy.seen.length;
    expect((await gateway.request("/a/")).status).toBe(404);
    expect((await gateway.request("/b/")).status).toBe(200);
    expect(copy.seen.length).toBe(before);
  });

  it("takes one shadow for a match", async () => {
    const problems = await gateway.apply(
      primary() + shadow() + mapping("third", { prefix: "/a/", service: two.service, shadow: true }),
    );
    expect(problems.map(({ code, object, message }) => [code, object.name, message])).toEqual([
      ["GroupConflict", "third", "default/shadow is the shadow of the same requests already"],
    ]);
  });
});
