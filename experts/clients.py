"""By which client an expert is asked, where nobody says so."""

from __future__ import annotations

from orchestrator.types import Expert

from .hosts import near

COMPATIBLE = frozenset({"openai", "custom_openai", "hosted_vllm"})
"""Prefixes that, with an `api_base`, mean a server that speaks OpenAI's protocol."""

PREFIXES = COMPATIBLE | {
    "docker_model_runner", "litellm_proxy", "llamafile", "lm_studio", "openai_like", "text-completion-openai", "vllm",
    "xinference",
}  # fmt: skip
"""Prefixes that are no part of the name that the server itself gives the model."""

OLLAMA = frozenset({"ollama", "ollama_chat"})
"""Prefixes of models that Ollama serves."""

OTHERS = frozenset(
    {
        "a2a", "a2a_agent", "abliteration", "ai21", "ai21_chat", "aiand", "aiml", "aiohttp_openai", "amazon_nova",
        "anthropic", "anthropic_text", "apertis", "assemblyai", "auto_router", "aws_polly", "aws_textract", "azure",
        "azure_ai", "azure_speech", "azure_text", "baseten", "bedrock", "bedrock_mantle", "bespoke", "bigmodel",
        "black_forest_labs", "bytez", "cerebras", "charity_engine", "chatgpt", "chutes", "clarifai",
        "clf_ai_gateway", "cloudflare", "codestral", "cognition", "cohere", "cohere_chat", "cometapi",
        "compactifai", "coralbricks", "cortecs", "cursor", "custom", "darkbloom", "dashscope", "databricks",
        "databricks_agent", "datarobot", "deepgram", "deepinfra", "deepseek", "dotprompt", "edenai", "elevenlabs",
        "empiriolabs", "empower", "eu_jev", "fal_ai", "featherless_ai", "fireworks_ai", "friendliai", "galadriel",
        "gdc", "gemini", "gigachat", "github", "github_copilot", "gradient_ai", "groq", "helicone", "heroku",
        "hostinger_router", "huggingface", "humanloop", "hyperbolic", "inception", "inferenceapis", "infinity",
        "jina_ai", "kyma", "lambda_ai", "langflow", "langfuse", "langgraph", "laya", "lemonade", "libertai",
        "litellm_agent", "manus", "maritalk", "meta", "meta_llama", "microsoft_365_copilot", "milvus", "minimax",
        "mistral", "modelscope", "mongodb", "moonshot", "morph", "nace", "nadir", "nano-gpt", "nebius",
        "neosantara", "nlp_cloud", "novita", "nscale", "nvidia_nim", "nvidia_riva", "oci", "oobabooga",
        "opencode_go", "openinfer", "openrouter", "opensearch", "ovhcloud", "parallel_ai", "parasail", "perplexity",
        "petals", "pg_vector", "pinstripes", "poe", "predibase", "prism", "publicai", "qwen_ai_platform",
        "qwencloud", "ragflow", "recraft", "reducto", "refuseless", "reka", "replicate", "runwayml", "s3_vectors",
        "sagemaker", "sagemaker_chat", "sagemaker_nova", "sail", "sambanova", "sap", "scaledown", "scaleway",
        "scx-ai", "snowflake", "soniox", "stability", "strands_decider", "streamlake", "synthetic", "tencent",
        "tensormesh", "text-completion-codestral", "text-completion-inception", "together_ai", "topaz",
        "transcribe", "triton", "typesafe", "v0", "valkey", "vercel_ai_gateway", "vertex_ai", "vertex_ai_beta",
        "volcengine", "voyage", "wally", "wandb", "watsonx", "watsonx_text", "xai", "xiaomi_mimo", "zai", "zerogpu",
    }
)  # fmt: skip
"""litellm's names of providers that have protocols of their own, so that litellm must ask them, wherever they are."""


def client_of(expert: Expert) -> str:
    """The client that asks an expert: the one it names, or the usual one.

    Usual is `direct` for a server near by (this machine, a private network) that speaks OpenAI's protocol, and for
    Ollama wherever it is; else `litellm`.
    """
    if expert.client != "auto":
        return expert.client
    prefix, slash, _ = expert.model.partition("/")
    if slash and prefix in OLLAMA:
        return "direct"
    if expert.api_base is None or not near(expert.api_base):
        return "litellm"
    return "litellm" if slash and prefix in OTHERS else "direct"
