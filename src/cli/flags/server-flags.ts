/** Flags that scheduler and executor share. */
import { realpathSync } from 'node:fs'
import { LOG_LEVELS } from '../../common/log.js'
import { fail } from '../../common/errors.js'
import { isLoopback, type Security } from '../../exchange/security.js'
import type { DataRoots } from '../../runtime/data-roots.js'
import { LOG_ROTATIONS, type LogRotation } from '../log-file.js'
import { directory, host, pemFile, tokenFile } from '../options.js'
import { oneOf, optional, repeated, text, toggle, valued, type FlagValues } from './flag.js'

/** Where a server listens: on this machine only, unless one says otherwise. */
export const bindHost = valued('address to listen on', { placeholder: 'host', parse: host, default: '127.0.0.1' })

export const configFile = optional('TOML file with flags, such as bind_port = 50050', {
  placeholder: 'file',
  parse: text,
})

/** What clients send runs with the rights of the server: node:vm is no sandbox. */
export const allowUdf = toggle('run JavaScript functions that clients send, with the rights of this process')

/** Where the log goes. */
export const LOG_FLAGS = {
  logDir: optional('directory for log files; default: standard error', { placeholder: 'dir', parse: directory }),
  logRotationPolicy: valued('how often a new log file is begun', {
    placeholder: 'policy',
    parse: oneOf(LOG_ROTATIONS),
    default: 'daily' as LogRotation,
  }),
  logLevelSetting: valued('least severe messages that are logged', {
    placeholder: 'level',
    aliases: ['log-level'],
    parse: oneOf(LOG_LEVELS),
    default: 'info',
  }),
}

export const extension = repeated(
  'module whose functions, tables, formats, operators, rules and policies are used, too',
  {
    placeholder: 'file',
    parse: text,
  },
)

/** What protects the connections of a server; an executor shows the same to others. */
export const SECURITY_FLAGS = {
  tlsCert: optional('PEM file of its certificate, with the chain: TLS instead of plain text', {
    placeholder: 'file',
    parse: pemFile,
  }),
  tlsKey: optional('PEM file of the key of the certificate', { placeholder: 'file', parse: pemFile }),
  tlsCa: optional('PEM file of the authority of other nodes and clients; default: those that Node trusts', {
    placeholder: 'file',
    parse: pemFile,
  }),
  tlsRequireClientCert: toggle('refuse connections without a certificate of --tls-ca'),
  authTokenFile: optional('file with the token that everyone who dials must show', {
    placeholder: 'file',
    parse: tokenFile,
  }),
  insecure: toggle('listen to a network without TLS and authentication'),
}

/** Which files a server may open. */
export const dataRoot = repeated(
  'directory below which files may be read and written; default: any file when it listens on a loopback address, none elsewhere',
  { placeholder: 'dir', parse: text => realpathSync(directory(text)) },
)

export function dataRootsOf(flags: { readonly bindHost: string; readonly dataRoot: readonly string[] }): DataRoots {
  return flags.dataRoot.length === 0 && isLoopback(flags.bindHost) ? undefined : flags.dataRoot
}

/** INVALID_OPTION for flags that need others. */
export function securityOf(flags: FlagValues<typeof SECURITY_FLAGS>): Security {
  const { authTokenFile: token, insecure, tlsCa: ca, tlsCert: cert, tlsKey: key } = flags
  const requireClientCertificate = flags.tlsRequireClientCert
  if ((cert === undefined) !== (key === undefined))
    throw fail('INVALID_OPTION', ['tls-cert', 'it needs --tls-key, and that needs it'])
  if (requireClientCertificate && (ca === undefined || cert === undefined))
    throw fail('INVALID_OPTION', ['tls-require-client-cert', 'it needs --tls-ca, --tls-cert and --tls-key'])
  const tls = cert === undefined && ca === undefined ? undefined : { ca, cert, key }
  return { tls, token, insecure, requireClientCertificate }
}
