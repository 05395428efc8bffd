/** The security of a process in the terms of grpc-js: what its clients send, what its servers let pass. */
import type * as Grpc from '@grpc/grpc-js'
import { bearerCheck, type ClientSecurity } from './security.js'

/** What a client is made with. */
export interface Dial {
  readonly credentials: Grpc.ChannelCredentials
  readonly options: Grpc.ClientOptions
}

export function dialOf(grpc: typeof Grpc, { tls, token }: ClientSecurity): Dial {
  const credentials =
    tls === undefined
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(bytesOf(tls.ca), bytesOf(tls.key), bytesOf(tls.cert))
  return { credentials, options: token === undefined ? {} : { interceptors: [bearerInterceptor(grpc, token)] } }
}

const bytesOf = (pem: string | undefined): Buffer | null => (pem === undefined ? null : Buffer.from(pem))

/** An interceptor and not call credentials, which grpc-js refuses without TLS: on a loopback interface a token needs none. */
const bearerInterceptor =
  (grpc: typeof Grpc, token: string): Grpc.Interceptor =>
  (options, next) =>
    new grpc.InterceptingCall(next(options), {
      start(metadata, listener, start) {
        metadata.set('authorization', `Bearer ${token}`)
        start(metadata, listener)
      },
    })

/** Ends calls without the token before anything of them is read. */
export function tokenInterceptor(grpc: typeof Grpc, token: string): Grpc.ServerInterceptor {
  const mayPass = bearerCheck(token)
  const refused = { code: grpc.status.UNAUTHENTICATED, details: 'the call does not carry the token of this cluster' }
  return (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: start =>
        start({
          onReceiveMetadata(metadata, pass) {
            const [header] = metadata.get('authorization')
            if (mayPass(header?.toString())) pass(metadata)
            else call.sendStatus(refused)
          },
        }),
    })
}
