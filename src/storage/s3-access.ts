/** How S3 is reached: its server, region and keys, from settings or from the environment of whoever reads. */
import { fail } from '../common/errors.js'
import type { Config } from '../common/option.js'
import {
  s3AccessKeyId,
  s3AllowHttp,
  s3Endpoint,
  s3Region,
  s3SecretAccessKey,
  s3SessionToken,
  s3UrlStyle,
} from './options.js'

export interface S3Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface S3Access {
  readonly region: string
  /** Absent: Amazon's, of the region. */
  readonly endpoint?: URL
  /** Whether a session chose the endpoint, and not who runs this process. */
  readonly isEndpointOfSession: boolean
  /** The bucket stands in the path, not in the host name. */
  readonly isPathStyle: boolean
  /** Absent: requests are not signed, as public buckets allow. */
  readonly keys?: S3Keys
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Settings come before the environment. Keys of the environment are for the environment's endpoint: a session that chooses another one brings
 * its own. Throws INVALID_OPTION.
 */
export function s3Access(config: Config, env: Environment = process.env): S3Access {
  const ofSession = config.get(s3Endpoint)
  const ofProcess = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || ''
  const isEndpointOfSession = ofSession !== '' && ofSession !== ofProcess
  const allowsHttp = config.get(s3AllowHttp) || env['AWS_ALLOW_HTTP'] === 'true'
  const endpoint = endpointOf(ofSession || ofProcess, allowsHttp)
  const style = config.get(s3UrlStyle)
  const region = config.get(s3Region) || env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1'
  // It becomes part of a host name.
  if (!/^[a-z0-9-]{1,40}$/i.test(region))
    throw fail('INVALID_OPTION', [s3Region.key, 'expected a name such as eu-central-1'])
  const keys = keysOf(config, isEndpointOfSession ? {} : env)
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    isEndpointOfSession,
    isPathStyle: style === 'path' || (style === 'auto' && endpoint !== undefined),
    ...(keys === undefined ? {} : { keys }),
  }
}

function endpointOf(text: string, allowsHttp: boolean): URL | undefined {
  if (text === '') return undefined
  const invalid = (reason: string): Error => fail('INVALID_OPTION', [s3Endpoint.key, reason])
  if (!URL.canParse(text)) throw invalid('expected a URL such as https://minio.example:9000')
  const url = new URL(text)
  if (!['http:', 'https:'].includes(url.protocol)) throw invalid('expected a URL of http or https')
  if (url.username !== '' || url.password !== '') throw invalid('expected a URL without user name and password')
  if (url.protocol === 'http:' && !allowsHttp)
    throw invalid(`http:// travels in plain text; SET ${s3AllowHttp.key} = true if that is meant`)
  return url
}

function keysOf(config: Config, env: Environment): S3Keys | undefined {
  const own = config.get(s3AccessKeyId)
  const accessKeyId = own || env['AWS_ACCESS_KEY_ID'] || ''
  const secretAccessKey = own === '' ? (env['AWS_SECRET_ACCESS_KEY'] ?? '') : config.get(s3SecretAccessKey)
  const sessionToken = own === '' ? (env['AWS_SESSION_TOKEN'] ?? '') : config.get(s3SessionToken)
  if (accessKeyId === '') return undefined
  if (secretAccessKey === '')
    throw fail('INVALID_OPTION', [s3SecretAccessKey.key, 'is missing: it belongs to the access key'])
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) }
}
