import type { Capability } from "pepr";
import type { CapabilityOf } from "./declare.ts";
import { endpointSlice } from "./endpoint-slice.ts";
import type { Hooks } from "./hooks.ts";
import { host } from "./host.ts";
import { ingress } from "./ingress.ts";
import { ingressClass } from "./ingress-class.ts";
import { kubernetesEndpointResolver } from "./kubernetes-endpoint-resolver.ts";
import { kubernetesServiceResolver } from "./kubernetes-service-resolver.ts";
import { listener } from "./listener.ts";
import { mapping } from "./mapping.ts";
import { module } from "./module.ts";
import { secret } from "./secret.ts";
import { service } from "./service.ts";
import { tlsContext } from "./tls-context.ts";
import { tcpMapping } from "./tcp-mapping.ts";
import { authService } from "./auth-service.ts";
import { rateLimitService } from "./rate-limit-service.ts";
import { logService } from "./log-service.ts";
import { tracingService } from "./tracing-service.ts";
import { devPortal } from "./dev-portal.ts";
import { consulResolver } from "./consul-resolver.ts";

/** From here, because esbuild gives a dynamic import of a CommonJS package nothing but `default`. */
export { PeprMutateRequest, PeprValidateRequest } from "pepr";

/** In the order of the table of kinds. Namespace has none: it is neither watched nor judged. */
const all: readonly CapabilityOf[] = [
  listener,
  host,
  mapping,
  tlsContext,
  module,
  kubernetesServiceResolver,
  kubernetesEndpointResolver,
  tcpMapping,
  authService,
  rateLimitService,
  logService,
  tracingService,
  devPortal,
  consulResolver,
  service,
  endpointSlice,
  secret,
  ingress,
  ingressClass,
];

/** Every capability. Import this file only when Pepr's environment is set: Pepr decides at import what it keeps. */
export function capabilities(hooks: Hooks): Capability[] {
  return all.map((make) => make(hooks));
}
