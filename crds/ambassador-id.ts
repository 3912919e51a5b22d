const AUTOMATIC = "_automatic_";

export const everyGateway: readonly string[] = [AUTOMATIC];

/** Whether what is for these gateways is for this one. Nothing written is for `default`; `_automatic_` is every gateway. */
export function isForGateway(ids: readonly string[] | undefined, ambassadorId: string): boolean {
  if (ids === undefined || ids.length === 0) return ambassadorId === "default";
  return ids.includes(ambassadorId) || ids.includes(AUTOMATIC);
}
