import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";
import { backend } from "../dev.js";

export default defineConfig({
  plugins: [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === "bellhop-bell" } } }), backend],
});
