import { frameField, xdsResource } from "../resources/frame.ts";
import type { XdsResource } from "../snapshot.ts";

const NAME = 1;

/** The answer to a subscription of routes that the snapshot does not have: no virtual hosts, so 404 for every request.
 *  Envoy 1.40 ignores it if such routes are answered as removed, and the listener then warms for ever: not even
 *  `initial_fetch_timeout` ends that. Endpoints and secrets that are answered as removed do end the warming. */
export function absentRoutes(name: string): XdsResource {
  return xdsResource("route", name, [frameField(NAME, Buffer.from(name))]);
}
