import {
  apiServerAway,
  apiServerBusy,
  apiServerFailing,
  apiServerSlow,
  etcdRestarted,
  watchCacheEmptied,
  watchesSilent,
} from "./api-server.ts";
import type { Fault } from "./fault.ts";
import { clockJumped, diskFull, memoryShort } from "./machine.ts";
import { crdDeleted, massChanges, namespaceDeleted, secretRotated, upstreamRolled } from "./objects.ts";
import { controlPlaneKilled, envoyKilled, replicaAddedAndRemoved } from "./processes.ts";

/** In the order of docs/reliability.md. */
export const faults: readonly Fault[] = [
  ...[controlPlaneKilled, envoyKilled, replicaAddedAndRemoved],
  ...[apiServerAway, watchCacheEmptied, apiServerSlow, apiServerFailing, apiServerBusy, etcdRestarted, watchesSilent],
  ...[secretRotated, upstreamRolled, massChanges, namespaceDeleted, crdDeleted],
  ...[clockJumped, diskFull, memoryShort],
];
