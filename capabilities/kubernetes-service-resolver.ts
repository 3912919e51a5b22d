import { a } from "pepr";
import { declare } from "./declare.ts";

export class KubernetesServiceResolver extends a.GenericKind {}

export const kubernetesServiceResolver = declare("KubernetesServiceResolver", KubernetesServiceResolver);
