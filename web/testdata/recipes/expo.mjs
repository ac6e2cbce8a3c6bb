// As react-native.mjs, with a fetch that streams, as expo/fetch does.
import { streaming } from "./native.mjs";
import { listen as native } from "./react-native.mjs";

export const listen = (url, getToken, onEvent, signal, more) => native(url, getToken, onEvent, signal, { ...more, fetch: streaming });
