import type { AuthServiceSpec } from "../../crds/auth-service.ts";
import { compareText, type ObjectRef, type PathStep } from "../../ir/problem.ts";
import { keyOf, type Resource } from "../../ir/resource.ts";
import type { ServiceKinds } from "./services.ts";

/** An AuthService, or the Module `authentication`, which is its older form. */
export interface AuthServiceLike {
  readonly resource: Resource<unknown>;
  readonly spec: AuthServiceSpec;
  /** Where the fields stand. */
  readonly at: readonly PathStep[];
}

export interface AuthServices {
  /** Oldest first. */
  readonly services: readonly AuthServiceLike[];
  /** Those that an error keeps from being read. */
  readonly broken: readonly ObjectRef[];
}

/** The Module that is an AuthService. */
const AUTHENTICATION = "authentication";

function olderFirst({ resource: a }: AuthServiceLike, { resource: b }: AuthServiceLike): number {
  return compareText(a.creationTimestamp, b.creationTimestamp) || compareText(keyOf(a), keyOf(b));
}

export function authServicesOf({ authServices, modules, broken }: ServiceKinds): AuthServices {
  const ofModules = modules.flatMap((resource): AuthServiceLike[] => {
    const { authentication } = resource.spec;
    return authentication === undefined ? [] : [{ resource, spec: authentication, at: ["spec", "config"] }];
  });
  const services = authServices.map((resource): AuthServiceLike => ({ resource, spec: resource.spec, at: ["spec"] }));
  return {
    services: [...ofModules, ...services].sort(olderFirst),
    broken: [...broken.authServices, ...broken.modules.filter(({ name }) => name === AUTHENTICATION)],
  };
}
