// Sends a text for each job, under an idempotency key in Redis, and stores the SID under it.
import { Agent, request } from 'node:http';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

const { REDIS_URL, CONCURRENCY, ON_DOUBT, PUBLIC_URL } = process.env;
const { TWILIO_API_BASE, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM } = process.env;
const url = new URL(`/2010-04-01/Accounts/${TWILIO_ACCOUNT_SID}/Messages.json`, TWILIO_API_BASE);
const headers = { 'content-type': 'application/x-www-form-urlencoded' };
const auth = `${TWILIO_ACCOUNT_SID}:${TWILIO_AUTH_TOKEN}`;
const agent = new Agent({ keepAlive: true });
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const redis = new Redis(REDIS_URL);
const week_s = 7 * 24 * 3600;

// `fetch` would be shorter, and takes three times the processor time.
const post = (form) =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, auth, headers }, async (answer) => {
      let body = '';
      for await (const chunk of answer) body += chunk;
      resolve({ status: answer.statusCode, body });
    });
    sent.on('error', reject).end(new URLSearchParams(form).toString());
  });

async function send({ id: job, data: event }) {
  const key = `text:${event.source}:${event.id}`;
  const holder = await redis.set(key, job, 'EX', week_s, 'NX', 'GET');
  if (holder !== null && holder !== job) return; // Sent before, or another job of the same event.
  // This job was here before and did not come back. Its request was sent or was not, which nobody knows.
  if (holder === job && ON_DOUBT === 'leave') return;
  const form = { To: event.data.phone, From: TWILIO_FROM, Body: `Order ${event.data.number} is on its way.` };
  if (PUBLIC_URL) form.StatusCallback = `${PUBLIC_URL}/status`;
  const { status, body } = await post(form);
  if (status !== 201) {
    await redis.del(key); // It was refused, so that a later attempt is the first.
    throw new Error(`${status}: ${body}`);
  }
  await redis.set(key, JSON.parse(body).sid, 'EX', week_s);
}

const worker = new Worker('texts', send, { connection, concurrency: Number(CONCURRENCY) });
worker.on('error', (error) => console.error(error.message));
