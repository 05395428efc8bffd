/** Flags of commands that may run on a cluster: where it is, and what it is shown. */
import type { Command } from 'commander'
import { SessionContext, type SessionOptions } from '../session/context.js'
import { host, pemFile, port, tokenFile } from './options.js'

export interface RemoteFlags {
  readonly host?: string
  readonly port?: number
  readonly tokenFile?: string
  readonly tls?: true
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly insecure?: true
}

export const addRemoteFlags = (command: Command): Command =>
  command
    .option('--host <host>', 'scheduler to run on; without --host and --port the query runs in this process', host)
    .option('--port <port>', 'port of the scheduler (default 50050)', port)
    .option('--token-file <file>', 'file with the token of the cluster', tokenFile)
    .option('--tls', 'TLS to the cluster; any of the following means it, too')
    .option('--tls-ca <file>', 'PEM file of the authority whose certificates the cluster has', pemFile)
    .option('--tls-cert <file>', 'PEM file of a certificate to show to the cluster', pemFile)
    .option('--tls-key <file>', 'PEM file of its key', pemFile)
    .option('--insecure', 'send the token in plain text, to any host')

export function remoteSession(flags: RemoteFlags, options: SessionOptions): Promise<SessionContext> {
  const { tls, tlsCa: ca, tlsCert: cert, tlsKey: key, tokenFile: token, insecure } = flags
  const files = [ca, cert, key].some(file => file !== undefined) ? { ca, cert, key } : tls
  return SessionContext.remote(`df://${flags.host ?? '127.0.0.1'}:${flags.port ?? 50050}`, {
    ...options,
    ...(token === undefined ? {} : { token }),
    ...(files === undefined ? {} : { tls: files }),
    ...(insecure === undefined ? {} : { insecure }),
  })
}
