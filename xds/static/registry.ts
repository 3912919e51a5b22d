import { createFileRegistry, fromBinary, type JsonObject, type Registry, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

export type { JsonObject, Registry };

/** Envoy's types by name, for proto3 JSON as Envoy itself reads it. @param descriptors a serialized FileDescriptorSet (dist/envoy-descriptors.binpb) */
export function envoyRegistry(descriptors: Uint8Array): Registry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
}

/** A message as JSON with proto field names, as in Envoy's documentation; Any is unpacked with `@type`. */
export function messageJson(registry: Registry, typeName: string, body: Uint8Array): JsonObject {
  const schema = registry.getMessage(typeName);
  if (schema === undefined) throw new Error(`${typeName} is not among Envoy's descriptors`);
  return toJson(schema, fromBinary(schema, body), { registry, useProtoFieldName: true }) as JsonObject;
}
