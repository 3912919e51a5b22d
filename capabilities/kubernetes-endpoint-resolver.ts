import { a } from "pepr";
import { declare } from "./declare.ts";

export class KubernetesEndpointResolver extends a.GenericKind {}

export const kubernetesEndpointResolver = declare("KubernetesEndpointResolver", KubernetesEndpointResolver);
