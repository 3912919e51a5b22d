/** Closes a switch over a union: adding a member without handling it is a compile error. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`);
}
