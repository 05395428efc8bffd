/** Settings of stores on other machines. */
import { bool, choice, duration, int, text, type Option, type Settings } from '../common/option.js'

export const storageTimeout = duration('ballista.storage.timeout', {
  default: 20_000,
  doc: 'How long a server of remote files (http, https, s3) may send nothing until the request is tried again.',
})

export const storageRetries = int('ballista.storage.retries', {
  default: 6,
  min: 0,
  max: 100,
  doc: 'Times that a request to a server of remote files is tried again after it stalled, broke off or got a 5xx answer.',
})

export const s3Region = text('s3.region', {
  default: '',
  doc: 'Region of S3 buckets; empty: AWS_REGION or AWS_DEFAULT_REGION of whoever reads, else us-east-1.',
})

export const s3AccessKeyId = text('s3.access_key_id', {
  default: '',
  doc: 'Key for S3; empty: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of whoever reads; without any, requests are not signed.',
})

export const s3SecretAccessKey = text('s3.secret_access_key', {
  default: '',
  doc: 'The secret that belongs to s3.access_key_id.',
  isSecret: true,
})

export const s3SessionToken = text('s3.session_token', {
  default: '',
  doc: 'The token that belongs to s3.access_key_id, if it is a temporary key.',
  isSecret: true,
})

export const s3Endpoint = text('s3.endpoint', {
  default: '',
  doc: 'URL of a server that speaks S3, such as https://minio.example:9000; empty: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL of whoever reads, else Amazon.',
})

export const s3UrlStyle = choice('s3.url_style', {
  default: 'auto',
  values: ['auto', 'path', 'virtual'],
  doc: 'Where a bucket stands in URLs: path (endpoint/bucket/key), virtual (bucket.endpoint/key), or auto: virtual for Amazon.',
})

export const s3AllowHttp = bool('s3.allow_http', {
  default: false,
  doc: 'Whether the endpoint may be http:// (or AWS_ALLOW_HTTP=true): what is read and written then travels in plain text.',
})

/** The settings that say which remote files a session reaches, as a text that is equal where they are. */
export const storageAccess = (settings: Settings): string =>
  JSON.stringify(STORAGE_OPTIONS.map(({ key }) => settings[key] ?? ''))

/** The settings, as anybody may see them. */
export const withoutSecrets = (settings: Settings): Settings =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, isSecret(key) && value !== '' ? '***' : value]),
  )

/** Whether a text sets, or seems to set, a secret. */
export const namesSecret = (text: string): boolean =>
  STORAGE_OPTIONS.some(({ key, isSecret: hides }) => hides === true && text.toLowerCase().includes(key))

const isSecret = (key: string): boolean =>
  STORAGE_OPTIONS.some(option => option.key === key && option.isSecret === true)

export const STORAGE_OPTIONS: readonly Option<unknown>[] = [
  storageTimeout,
  storageRetries,
  s3Region,
  s3AccessKeyId,
  s3SecretAccessKey,
  s3SessionToken,
  s3Endpoint,
  s3UrlStyle,
  s3AllowHttp,
]
