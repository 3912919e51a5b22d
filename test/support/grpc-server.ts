import {
  type MethodDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
} from "@grpc/grpc-js";

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** A gRPC method with one message each way, from the generated codecs. */
export function unary<Request, Response>(
  path: string,
  request: Codec<Request>,
  response: Codec<Response>,
): MethodDefinition<Request, Response> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => Buffer.from(request.encode(message).finish()),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => Buffer.from(response.encode(message).finish()),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}

export interface GrpcServer {
  readonly port: number;
  close(): void;
}

export type Call<Request> = ServerUnaryCall<Request, unknown>;

/** A real gRPC server with one method, on a free port of loopback. */
export async function grpcServer<Request, Response>(
  method: MethodDefinition<Request, Response>,
  answer: (call: Call<Request>) => Response,
  credentials = ServerCredentials.createInsecure(),
): Promise<GrpcServer> {
  const server = new Server();
  server.addService(
    { method },
    {
      method: (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => {
        done(null, answer(call));
      },
    },
  );
  const port = await new Promise<number>((done, fail) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error === null ? done(bound) : fail(error)));
  });
  return { port, close: () => server.forceShutdown() };
}
