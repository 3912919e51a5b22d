import { compareText } from "../../ir/problem.ts";

/** Of one kind, resourceVersions are numbers that grow with every change. Source: Kubernetes' API concepts, "Resource versions". They
 *  may not fit a JavaScript number. Whatever is not a number is neither older nor newer. */
export function isOlder(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? compareText(version, than) < 0 : version.length < than.length;
}
