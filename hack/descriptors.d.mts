/** A serialized FileDescriptorSet of every proto file found in an Envoy binary. */
export function extractDescriptors(binary: Uint8Array): Uint8Array<ArrayBuffer>;
