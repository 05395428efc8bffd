/** Flags that scheduler and executor share. */
import { realpathSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { LOG_LEVELS } from '../../common/log.js'
import { fail } from '../../common/errors.js'
import { isLoopback, type Security } from '../../exchange/security.js'
import type { DataRoots } from '../../runtime/data-roots.js'
import { networksOf } from '../../storage/addresses.js'
import { isRemote } from '../../storage/stores.js'
import { isUrlRoot } from '../../storage/url-roots.js'
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

/** A `--data-root` that allows everything: for servers of one's own. */
export const ANYWHERE = 'any'

/** Which files a server may open. */
export const dataRoot = repeated(
  'directory, s3://bucket/prefix or https://host/path below which files may be read and written; any: whatever it can reach; default: any file of this machine, but none of others, when it listens on a loopback address, none at all elsewhere',
  { placeholder: 'place', parse: place },
)

/** Where remote files may lie beside public addresses. */
export const allowNetwork = repeated(
  'network (10.0.0.0/8) or address at which files of --data-root may lie although it is private, loopback or link-local',
  { placeholder: 'network', parse: network },
)

function place(text: string): string {
  if (text === ANYWHERE) return text
  if (!isRemote(text)) return realpathSync(directory(text))
  if (isUrlRoot(text)) return text
  throw new InvalidArgumentError('expected a directory, s3://bucket/prefix or https://host/path')
}

function network(text: string): string {
  try {
    networksOf([text])
    return text
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** Undefined: nothing is restricted. */
export function dataRootsOf(flags: {
  readonly allowNetwork: readonly string[]
  readonly bindHost: string
  readonly dataRoot: readonly string[]
}): DataRoots | undefined {
  const { allowNetwork: networks, bindHost, dataRoot: places } = flags
  if (places.includes(ANYWHERE)) return undefined
  const isOpen = places.length === 0 && isLoopback(bindHost)
  const directories = isOpen ? {} : { directories: places.filter(place => !isRemote(place)) }
  return { ...directories, urls: places.filter(isRemote), networks }
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
