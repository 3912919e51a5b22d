/**
 * Whose connections a change ends. Envoy takes a listener in which nothing but filter chains differs in its stride: only connections
 * of chains that are no longer there, byte for byte, are drained. Any other difference drains all of the listener's connections.
 * Source: Envoy 1.40, ListenerMessageUtil::filterChainOnlyChange and ListenerImpl::supportUpdateFilterChain; measured.
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { ResourceMap, XdsResource } from "../../xds/snapshot.ts";
import { Listener } from "../../xds/generated/envoy/config/listener/v3/listener.ts";
import { FilterChain } from "../../xds/generated/envoy/config/listener/v3/listener_components.ts";
import { HttpConnectionManager } from "../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";

export interface Drain {
  /** Name of the listener. */
  readonly listener: string;
  /** Names of the filter chains whose connections are drained; undefined: all of the listener's. */
  readonly chains: readonly string[] | undefined;
  /** What differs, in Envoy's words; `removed` where the listener or the chain is no more. */
  readonly because: readonly string[];
}

/** Listener.filter_chains */
const FILTER_CHAINS = 3;
const LENGTH_DELIMITED = 2;

/** A listener's bytes: those of each filter chain, and all that is left without them. */
interface Parts {
  readonly chains: readonly Uint8Array[];
  readonly rest: string;
}

/** What the connections of these listeners suffer, by the listener's name. */
export function drainsOf(before: ResourceMap, after: ResourceMap): readonly Drain[] {
  const drains: Drain[] = [];
  for (const [name, was] of before) {
    const is = after.get(name);
    if (is === was || is?.version === was.version) continue;
    const drain = is === undefined ? { listener: name, chains: undefined, because: ["removed"] } : drainOf(was, is);
    if (drain !== undefined) drains.push(drain);
  }
  return drains;
}

function drainOf(was: XdsResource, is: XdsResource): Drain | undefined {
  const earlier = partsOf(was.body);
  const now = partsOf(is.body);
  if (earlier.rest !== now.rest || isUdp(is)) {
    const ofListener = differentFields(Listener.decode(was.body), Listener.decode(is.body));
    // Of chains alone only where they cannot be updated in place.
    const others = ofListener.filter((field) => field !== "filter_chains");
    return { listener: was.name, chains: undefined, because: others.length === 0 ? ofListener : others };
  }
  const kept = new Set(now.chains.map(textOf));
  const gone = earlier.chains.filter((chain) => !kept.has(textOf(chain))).map((chain) => FilterChain.decode(chain));
  if (gone.length === 0) return undefined;
  const byName = new Map(now.chains.map((chain) => FilterChain.decode(chain)).map((chain) => [chain.name, chain]));
  const because = gone.flatMap((chain) => whyGone(chain, byName.get(chain.name)));
  return { listener: was.name, chains: gone.map(({ name = "" }) => name), because: [...new Set(because)] };
}

/** Filter chains of UDP listeners are never updated in place. */
function isUdp({ body }: XdsResource): boolean {
  const { address } = Listener.decode(body).address ?? {};
  return address?.$case === "socketAddress" && address.value.protocol === 1;
}

function partsOf(body: Uint8Array): Parts {
  const reader = new BinaryReader(body);
  const chains: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const tag = reader.uint32();
    if (tag >>> 3 === FILTER_CHAINS && (tag & 7) === LENGTH_DELIMITED) {
      chains.push(reader.bytes());
      continue;
    }
    reader.skip(tag & 7);
    rest.push(body.subarray(from, reader.pos));
  }
  return { chains, rest: rest.map(textOf).join() };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Fields of a filter chain that changed, in the connection manager by their own names. */
function whyGone(was: FilterChain, is: FilterChain | undefined): readonly string[] {
  if (is === undefined) return ["removed"];
  return differentFields(was, is).flatMap((field) => {
    if (field !== "filters") return [field];
    const [earlier, now] = [managerOf(was), managerOf(is)];
    return earlier === undefined || now === undefined ? [field] : differentFields(earlier, now);
  });
}

function managerOf({ filters = [] }: FilterChain): HttpConnectionManager | undefined {
  for (const { configType } of filters) {
    if (configType?.$case !== "typedConfig") continue;
    const { typeUrl = "", value } = configType.value;
    if (typeUrl.endsWith(`/${HttpConnectionManager.$type}`) && value !== undefined)
      return HttpConnectionManager.decode(value);
  }
  return undefined;
}

/** Names of the fields in which two messages differ, in Envoy's spelling. */
function differentFields<Message extends object>(was: Message, is: Message): readonly string[] {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])] as (keyof Message & string)[];
  return names
    .filter((name) => jsonOf(was[name]) !== jsonOf(is[name]))
    .map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    .sort();
}

function jsonOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array ? textOf(each) : each));
}
