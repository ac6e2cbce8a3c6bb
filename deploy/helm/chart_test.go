// Package helm tests the chart: what it renders for the examples is what the API
// servers take, and what no such type can say.
package helm

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

var chart = flag.String("chart", "bellhop", "the chart, as a folder or as the file of a release")

var update = flag.Bool("update", false, "write deploy/kubernetes and the README's table of values anew")

// kinds are what the chart may render, by apiVersion and kind.
var kinds = map[string]func() runtime.Object{
	"apps/v1/Deployment":                      func() runtime.Object { return new(appsv1.Deployment) },
	"autoscaling/v2/HorizontalPodAutoscaler":  func() runtime.Object { return new(autoscalingv2.HorizontalPodAutoscaler) },
	"batch/v1/Job":                            func() runtime.Object { return new(batchv1.Job) },
	"gateway.networking.k8s.io/v1/HTTPRoute":  func() runtime.Object { return new(gatewayv1.HTTPRoute) },
	"monitoring.coreos.com/v1/PodMonitor":     func() runtime.Object { return new(monitoringv1.PodMonitor) },
	"monitoring.coreos.com/v1/PrometheusRule": func() runtime.Object { return new(monitoringv1.PrometheusRule) },
	"networking.k8s.io/v1/Ingress":            func() runtime.Object { return new(networkingv1.Ingress) },
	"networking.k8s.io/v1/NetworkPolicy":      func() runtime.Object { return new(networkingv1.NetworkPolicy) },
	"policy/v1/PodDisruptionBudget":           func() runtime.Object { return new(policyv1.PodDisruptionBudget) },
	"v1/ConfigMap":                            func() runtime.Object { return new(corev1.ConfigMap) },
	"v1/Service":                              func() runtime.Object { return new(corev1.Service) },
}

// values reads an example and lays other values over it.
func values(t *testing.T, example string, over map[string]any) map[string]any {
	t.Helper()
	vals := map[string]any{}
	if example != "" {
		text, err := os.ReadFile(filepath.Join("examples", example+".yaml"))
		require.NoError(t, err)
		require.NoError(t, yaml.UnmarshalStrict(text, &vals))
	}
	return chartutil.CoalesceTables(over, vals)
}

// render does what helm template does, hooks included.
func render(vals map[string]any) (string, error) {
	files, err := loader.Load(*chart)
	if err != nil {
		return "", err
	}
	install := action.NewInstall(new(action.Configuration))
	install.DryRun, install.ClientOnly, install.ReleaseName, install.Namespace = true, true, "bellhop", "bellhop"
	install.KubeVersion = &chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	release, err := install.Run(files, vals)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, hook := range release.Hooks {
		fmt.Fprintf(&all, "---\n%s\n", strings.TrimSpace(hook.Manifest))
	}
	all.WriteString(strings.TrimSpace(release.Manifest) + "\n")
	return all.String(), nil
}

// decode holds each document strictly against the type of its kind: a name that the
// type does not know, or has twice, is an error.
func decode(t *testing.T, manifests string) map[string]runtime.Object {
	t.Helper()
	objects := map[string]runtime.Object{}
	for doc := range strings.SplitSeq("\n"+manifests, "\n---") {
		if strings.TrimSpace(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(doc, "")) == "" {
			continue
		}
		var meta struct {
			metav1.TypeMeta   `json:",inline"`
			metav1.ObjectMeta `json:"metadata"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(doc), &meta), "%s", doc)
		blank := kinds[meta.APIVersion+"/"+meta.Kind]
		require.NotNil(t, blank, "%s %s", meta.APIVersion, meta.Kind)
		object := blank()
		require.NoError(t, yaml.UnmarshalStrict([]byte(doc), object), "%s", doc)
		name := meta.Kind + "/" + meta.Name
		require.NotContains(t, objects, name)
		require.Equal(t, "bellhop", meta.Namespace, name)
		objects[name] = object
	}
	return objects
}

func TestLint(t *testing.T) {
	for _, m := range lint.All("bellhop", nil, "bellhop", true).Messages {
		require.Less(t, m.Severity, support.WarningSev, "%v", m)
	}
}

func TestExamplesAreWhatTheAPITakes(t *testing.T) {
	for example, want := range map[string][]string{
		"small":       {"Ingress/bellhop", "Job/bellhop-migration"},
		"large":       {"HorizontalPodAutoscaler/bellhop-gateway", "Ingress/bellhop", "Job/bellhop-migration", "NetworkPolicy/bellhop-gateway", "NetworkPolicy/bellhop-notifier", "PodMonitor/bellhop-gateway", "PodMonitor/bellhop-notifier", "PrometheusRule/bellhop"},
		"external":    {"ConfigMap/bellhop-policies", "Ingress/bellhop"},
		"alb":         {"Ingress/bellhop", "Job/bellhop-migration"},
		"gateway-api": {"HTTPRoute/bellhop", "Job/bellhop-migration"},
	} {
		t.Run(example, func(t *testing.T) {
			manifests, err := render(values(t, example, nil))
			require.NoError(t, err)
			objects := decode(t, manifests)
			want = append(want, "Deployment/bellhop-gateway", "Deployment/bellhop-notifier", "PodDisruptionBudget/bellhop-gateway",
				"PodDisruptionBudget/bellhop-notifier", "Service/bellhop-gateway", "Service/bellhop-notifier")
			var have []string
			for name := range objects {
				have = append(have, name)
			}
			require.ElementsMatch(t, want, have)
			for _, name := range have {
				if d, ok := objects[name].(*appsv1.Deployment); ok {
					checkPods(t, d.Spec.Template, d.Spec.Selector)
					require.Equal(t, 0, d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
				}
				if j, ok := objects[name].(*batchv1.Job); ok {
					checkPods(t, j.Spec.Template, nil)
				}
			}
		})
	}
}

// checkPods looks at what every Pod of ours owes its cluster.
func checkPods(t *testing.T, pods corev1.PodTemplateSpec, selector *metav1.LabelSelector) {
	t.Helper()
	require.False(t, *pods.Spec.AutomountServiceAccountToken)
	require.True(t, *pods.Spec.SecurityContext.RunAsNonRoot)
	require.Len(t, pods.Spec.Containers, 1)
	c := pods.Spec.Containers[0]
	require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
	require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
	require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
	require.NotContains(t, c.Image, ":latest")
	require.Regexp(t, `:[^/]+$|@sha256:`, c.Image)
	settings, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	require.NoError(t, err)
	names := map[string]bool{}
	for _, e := range c.Env {
		if strings.HasPrefix(e.Name, "BELLHOP_") {
			require.Contains(t, string(settings), "`"+e.Name+"`", "no setting")
		}
		require.False(t, names[e.Name], "%s twice", e.Name)
		names[e.Name] = true
		if secret := regexp.MustCompile(`MYSQL|REDIS|SECRET|KEYS$`); secret.MatchString(e.Name) {
			require.Empty(t, e.Value, "%s by reference only", e.Name)
		}
	}
	if selector != nil {
		for name, value := range selector.MatchLabels {
			require.Equal(t, value, pods.Labels[name])
		}
	}
}

// The kubelet waits longer than a gateway takes to go, whatever it was told.
func TestGracePeriodIsAboveTheDrain(t *testing.T) {
	for _, drain := range [][2]int{{0, 1}, {10, 30}, {300, 3600}} {
		manifests, err := render(values(t, "", map[string]any{"drain": map[string]any{"delaySeconds": drain[0], "spreadSeconds": drain[1]}}))
		require.NoError(t, err)
		gateway := decode(t, manifests)["Deployment/bellhop-gateway"].(*appsv1.Deployment).Spec.Template.Spec
		require.Greater(t, *gateway.TerminationGracePeriodSeconds, int64(drain[0]+drain[1]+10))
		require.Contains(t, gateway.Containers[0].Env, corev1.EnvVar{Name: "BELLHOP_DRAIN_DELAY", Value: fmt.Sprintf("%ds", drain[0])})
		require.Contains(t, gateway.Containers[0].Env, corev1.EnvVar{Name: "BELLHOP_DRAIN", Value: fmt.Sprintf("%ds", drain[1])})
	}
}

func TestMemoryLimitOfTheProgram(t *testing.T) {
	for limit, want := range map[string]string{"512Mi": "460MiB", "1Gi": "921MiB", "2Gi": "1843MiB"} {
		manifests, err := render(values(t, "", map[string]any{"gateway": map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": limit}}}}))
		require.NoError(t, err)
		gateway := decode(t, manifests)["Deployment/bellhop-gateway"].(*appsv1.Deployment).Spec.Template.Spec
		require.Contains(t, gateway.Containers[0].Env, corev1.EnvVar{Name: "GOMEMLIMIT", Value: want})
	}
}

// TestOutboxIsTheNotifiers alone, and comes out of its Secret.
func TestOutboxIsTheNotifiers(t *testing.T) {
	manifests, err := render(values(t, "", map[string]any{"outbox": map[string]any{"secret": "shop"}}))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(manifests, "- name: BELLHOP_OUTBOX\n"))
	require.Contains(t, manifests, `secretKeyRef: {name: "shop", key: "outbox"}`)
	decode(t, manifests)
}

// TestWebhookSecretsAreTheNotifiers alone: each key of the Secret is a file there.
func TestWebhookSecretsAreTheNotifiers(t *testing.T) {
	for _, policies := range []string{"", "namespaces: {a: {access: public}}"} {
		manifests, err := render(values(t, "", map[string]any{"policies": policies, "webhooks": map[string]any{"secret": "hooks"}}))
		require.NoError(t, err)
		objects := decode(t, manifests)
		volumes := func(component string) (of corev1.PodSpec) {
			return objects["Deployment/bellhop-"+component].(*appsv1.Deployment).Spec.Template.Spec
		}
		notifier := volumes("notifier")
		require.Contains(t, notifier.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "webhooks", MountPath: "/run/secrets/webhooks", ReadOnly: true})
		require.Contains(t, notifier.Volumes, corev1.Volume{Name: "webhooks", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "hooks"}}})
		require.Len(t, notifier.Volumes, len(volumes("gateway").Volumes)+1)
		require.Len(t, notifier.Containers[0].VolumeMounts, len(notifier.Volumes))
	}
	manifests, err := render(values(t, "", nil))
	require.NoError(t, err)
	require.NotContains(t, manifests, "volumes:")
}

func TestWrongValuesAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ values, says string }{
		"a misspelt name":             {"gatway: {replicas: 3}", "gatway"},
		"a misspelt name inside":      {"drain: {delay: 3}", "delay"},
		"no replica":                  {"gateway: {replicas: 0}", "replicas"},
		"an unpinned image":           {"image: {tag: latest}", "tag"},
		"a digest that is none":       {"image: {digest: abc}", "digest"},
		"memory without a unit":       {"gateway: {resources: {limits: {memory: 1G}}}", "memory"},
		"an ingress without a host":   {"ingress: {enabled: true}", "host"},
		"an unknown controller":       {"ingress: {controller: haproxy}", "controller"},
		"a gateway without a name":    {"gatewayAPI: {enabled: true}", "name"},
		"tokens that nobody verifies": {"jwt: {secret: {secret: \"\", key: k}}", "issuer"},
		"keys without an audience":    {"jwt: {jwksUrl: \"https://x/jwks\", issuer: \"https://x\"}", "audience"},
		"a secret without a name":     {"redis: {secret: \"\"}", "secret"},
		"a setting of another case":   {"gateway: {env: {bellhop_x: \"1\"}}", "bellhop_x"},
		"a setting that is no text":   {"gateway: {env: {BELLHOP_MAX_STREAMS: 1}}", "BELLHOP_MAX_STREAMS"},
		"a network that is none":      {"trustedProxies: [everybody]", "trustedProxies"},
		"a drain that never ends":     {"drain: {spreadSeconds: 86400}", "spreadSeconds"},
	} {
		t.Run(name, func(t *testing.T) {
			vals := map[string]any{}
			require.NoError(t, yaml.UnmarshalStrict([]byte(tt.values), &vals))
			_, err := render(vals)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

// TestPlainManifests holds deploy/kubernetes against the chart.
func TestPlainManifests(t *testing.T) {
	// Without Helm nobody runs hooks: notifiers migrate the schema as they start.
	manifests, err := render(values(t, "", map[string]any{"migration": map[string]any{"enabled": false}}))
	require.NoError(t, err)
	manifests = regexp.MustCompile(`(?m)^.*(managed-by|helm\.sh/chart|# Source:).*\n`).ReplaceAllString(manifests, "")
	decode(t, manifests)
	same(t, filepath.Join("..", "kubernetes", "bellhop.yaml"), "# Made of deploy/helm by `make chart`: edit that.\n"+manifests)
}

// TestAlertsAreThoseOfCompose: there is one set of rules.
func TestAlertsAreThoseOfCompose(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join("..", "..", "docker", "prometheus", "alerts.yml"))
	require.NoError(t, err)
	same(t, filepath.Join("bellhop", "files", "alerts.yml"), string(rules))
}

// TestValuesAreDescribed: the README's table is made of the schema and the defaults.
func TestValuesAreDescribed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("bellhop", "values.schema.json"))
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, yaml.Unmarshal(text, &schema))
	text, err = os.ReadFile(filepath.Join("bellhop", "values.yaml"))
	require.NoError(t, err)
	var defaults map[string]any
	require.NoError(t, yaml.UnmarshalStrict(text, &defaults))
	var rows []string
	describe(t, schema, defaults, "", &rows)
	readme := filepath.Join("bellhop", "README.md")
	text, err = os.ReadFile(readme)
	require.NoError(t, err)
	const begin, end = "<!-- values -->\n", "<!-- end of values -->"
	head, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	same(t, readme, head+begin+"| value | default | meaning |\n|---|---|---|\n"+strings.Join(rows, "")+end+tail)
}

// describe adds a row for each value, and fails where schema and defaults differ.
func describe(t *testing.T, schema map[string]any, defaults any, path string, rows *[]string) {
	t.Helper()
	inner, _ := schema["properties"].(map[string]any)
	have, _ := defaults.(map[string]any)
	if inner == nil || strings.HasSuffix(path, "limits") {
		value, err := yaml.Marshal(defaults)
		require.NoError(t, err)
		text := strings.Join(strings.Fields(strings.ReplaceAll(string(value), "\n", " ")), " ")
		require.NotEmpty(t, schema["description"], path)
		*rows = append(*rows, fmt.Sprintf("| `%s` | `%s` | %s |\n", path, text, schema["description"]))
		return
	}
	names := make([]string, 0, len(inner))
	for name := range inner {
		if path != "" || name != "global" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		require.Contains(t, have, name, "%s: no default", path)
		describe(t, inner[name].(map[string]any), have[name], strings.TrimPrefix(path+"."+name, "."), rows)
	}
	for name := range have {
		require.Contains(t, inner, name, "%s: not in the schema", path)
	}
}

// same compares a file with what it should be, or writes it.
func same(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(have, []byte(want)), "%s is not what it would be made of: make chart", path)
}
