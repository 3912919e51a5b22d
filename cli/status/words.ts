import type { Paint } from "../output/colour.ts";
import { type ObjectStatus, reasonOf } from "./objects.ts";

export function painted(status: string | undefined, paint: Paint): string {
  if (status === "True") return paint("green", status);
  if (status === "Unknown") return paint("yellow", status);
  return status === undefined ? paint("dim", "-") : paint("red", status);
}

/** In a line: how many proxies have it, or why they have not. */
export function summaryOf(object: ObjectStatus): string {
  const reason = reasonOf(object)?.split("\n")[0];
  if (reason !== undefined) return reason;
  const { Accepted: accepted, Programmed: programmed } = object.conditions;
  // Where nobody serves it there are warnings to be told, if anything.
  return (programmed?.status === "Unknown" ? accepted : programmed)?.message.split("\n")[0] ?? "";
}
