import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { backend } from "../dev.js";

export default defineConfig({ plugins: [react(), backend] });
