import { Capability, RegisterKind } from "pepr";
import { rewrittenKinds } from "../crds/versions/modern.ts";
import { follow, type Hooks, rewrite, validate } from "./hooks.ts";
import { apiVersionOf, type Kind, type KindName, kinds } from "./kinds.ts";

export type CapabilityOf = (hooks: Hooks) => Capability;

/** A class whose name Pepr's client keys the kind by. */
type Model = Parameters<typeof RegisterKind>[0];

/** The capability of one kind of the table: judged before it is stored, followed once it is. */
export function declare(name: KindName, model: Model): CapabilityOf {
  const row = rowOf(name);
  const { group, version, kind, plural } = row;
  const type = { group, version, kind, plural };
  // Pepr's client knows Kubernetes' own kinds.
  if (row.source === "crd") RegisterKind(model, type);
  return (hooks) => {
    const capability = new Capability({ name: kind.toLowerCase(), description: descriptionOf(row) });
    const onWrite = () => capability.When(model, type).IsCreatedOrUpdated();
    const onWatch = (object: object, phase: string) => follow(object, phase, hooks);
    if (hooks.rewrites === true && rewrittenKinds.includes(kind)) onWrite().Mutate((request) => rewrite(request));
    if (row.validated) {
      const chain = onWrite().Validate((request) => validate(request, hooks));
      if (row.watched) chain.Watch(onWatch);
    } else if (row.watched) {
      onWrite().Watch(onWatch);
    }
    // Pepr has no event for both.
    const onDelete = () => capability.When(model, type).IsDeleted();
    if (row.watched) onDelete().Watch(onWatch);
    // Nothing is refused; what it means for others is told. What goes from an annotation goes with an update, mostly.
    if (row.validated === true) onDelete().Validate((request) => validate(request, hooks));
    return capability;
  };
}

function rowOf(name: KindName): Kind {
  const row = kinds.find(({ kind }) => kind === name);
  if (row === undefined) throw new Error(`${name} is not in the table of kinds`);
  return row;
}

function descriptionOf(row: Kind): string {
  const does = [...(row.validated ? ["judges"] : []), ...(row.watched ? ["follows"] : [])].join(" and ");
  return `${does} ${row.kind} of ${apiVersionOf(row)}`;
}
