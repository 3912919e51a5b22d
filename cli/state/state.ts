import type { Remembered } from "../../compile/record.ts";
import type { Resources } from "../../crds/resources.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a command looks at: everything that a gateway would compile. */
export interface State {
  readonly resources: Resources;
  readonly settings: CompileSettings;
  /** Of files and documents, and of objects that are not read. Those of the other objects come from the compile. */
  readonly problems: readonly Problem[];
  /** Where it is from, for people: `cluster kind (KUBECONFIG ...)`, `manifests/`. */
  readonly from: string;
  /** What is known of gateways that serve it. Default: nothing. */
  readonly served?: Served | undefined;
}

/** What of a state is in force in another form than it is asked for. */
export interface Served {
  /** Last good forms of objects in quarantine, and what is refused of these objects. */
  readonly kept: readonly Remembered[];
  /** Objects in whose place a last good form serves that only gateways have, in memory. */
  readonly unseen: readonly ObjectRef[];
}

/** Flags of each command that looks at a state; see options.ts. */
export interface StateFlags {
  /** `cluster`, or the path of manifests or of a bundle. Default: the cluster. */
  readonly from?: string | undefined;
  /** Of the kubeconfig. */
  readonly context?: string | undefined;
  /** Of the cluster only this one is read. */
  readonly namespace?: string | undefined;
}
